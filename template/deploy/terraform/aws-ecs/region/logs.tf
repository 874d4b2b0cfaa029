# Managed by the template; updates merge into this file.
resource "aws_kms_key" "main" {
  description             = "Logs, alarms and the cache of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = data.aws_service_principal.main["logs"].id }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = join(":", [
              "arn", data.aws_partition.current.partition, "logs", data.aws_region.current.name,
              data.aws_caller_identity.current.account_id, "log-group", "*",
            ])
          }
        }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = data.aws_service_principal.main["cloudwatch"].name }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })
}

resource "aws_cloudwatch_log_group" "main" {
  for_each = {
    server  = "/${var.name}/server"
    network = "/${var.name}/network"
    waf     = "aws-waf-logs-${var.name}" # The service demands this beginning.
  }

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

resource "aws_cloudwatch_log_resource_policy" "waf" {
  policy_name     = "${var.name}-waf"
  policy_document = data.aws_iam_policy_document.waf_logs.json
}

data "aws_iam_policy_document" "waf_logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.main["waf"].arn}:*"]

    principals {
      type        = "Service"
      identifiers = [data.aws_service_principal.main["delivery.logs"].name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "flow" {
  name               = "${var.name}-${data.aws_region.current.name}-flow"
  assume_role_policy = data.aws_iam_policy_document.trust["vpc-flow-logs"].json
}

data "aws_iam_policy_document" "flow" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${aws_cloudwatch_log_group.main["network"].arn}:*"]
  }
}

resource "aws_iam_role_policy" "flow" {
  name   = "flow"
  role   = aws_iam_role.flow.id
  policy = data.aws_iam_policy_document.flow.json
}

resource "aws_flow_log" "main" {
  vpc_id               = aws_vpc.main.id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.main["network"].arn
  iam_role_arn         = aws_iam_role.flow.arn
}
