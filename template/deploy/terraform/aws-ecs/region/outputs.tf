# Managed by the template; updates merge into this file.
output "load_balancer" {
  description = "Where the public name points."
  value       = { dns_name = aws_lb.public.dns_name, zone_id = aws_lb.public.zone_id }
}

output "deployed" {
  description = "What CI puts a new image into, and where its log is."
  value = {
    cluster = aws_ecs_cluster.main.name
    service = aws_ecs_service.server.name
    log     = aws_cloudwatch_log_group.main["server"].name
  }
}
