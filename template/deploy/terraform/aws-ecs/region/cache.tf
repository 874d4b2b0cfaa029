# Managed by the template; updates merge into this file.
# The one secret that Terraform reads, and so keeps in its state: the cache wants its password from whoever creates it.
data "aws_secretsmanager_secret_version" "cache_password" {
  secret_id = "${var.name}/cache-password"
}

resource "aws_security_group" "cache" {
  name        = "${var.name}-cache"
  description = "Lets in the server only, and nothing out"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "cache" {
  security_group_id            = aws_security_group.cache.id
  description                  = "The server"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_vpc_security_group_egress_rule" "to_cache" {
  security_group_id            = aws_security_group.server.id
  description                  = "The cache"
  referenced_security_group_id = aws_security_group.cache.id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_subnet_group" "cache" {
  name       = var.name
  subnet_ids = [for subnet in aws_subnet.private : subnet.id]
}

# An evicted count would be forgotten.
resource "aws_elasticache_parameter_group" "cache" {
  name   = var.name
  family = "valkey8"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "cache" {
  replication_group_id       = var.name
  description                = "What replicas of the server share"
  engine                     = "valkey"
  engine_version             = "8.0"
  parameter_group_name       = aws_elasticache_parameter_group.cache.name
  node_type                  = "cache.t4g.small"
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.cache.name
  security_group_ids         = [aws_security_group.cache.id]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = data.aws_secretsmanager_secret_version.cache_password.secret_string
  auth_token_update_strategy = "ROTATE"
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.main.arn
  snapshot_retention_limit   = 1
  auto_minor_version_upgrade = true
}

resource "aws_secretsmanager_secret" "cache_url" {
  name       = "${var.name}/redis-url"
  kms_key_id = aws_kms_key.main.arn
}

resource "aws_secretsmanager_secret_version" "cache_url" {
  secret_id = aws_secretsmanager_secret.cache_url.id
  secret_string_wo = format(
    "rediss://:%s@%s:6379/0",
    data.aws_secretsmanager_secret_version.cache_password.secret_string,
    aws_elasticache_replication_group.cache.primary_endpoint_address,
  )
  # Another number for another version of the password, so that it is written.
  secret_string_wo_version = parseint(substr(sha256(data.aws_secretsmanager_secret_version.cache_password.version_id), 0, 8), 16)
}
