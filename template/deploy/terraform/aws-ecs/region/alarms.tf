# Managed by the template; updates merge into this file.
resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.main.arn
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  load_balancer = { LoadBalancer = aws_lb.public.arn_suffix }
  target_group  = merge(local.load_balancer, { TargetGroup = aws_lb_target_group.server.arn_suffix })
  service       = { ClusterName = aws_ecs_cluster.main.name, ServiceName = aws_ecs_service.server.name }

  # What is measured, when it is too much, and of what.
  alarms = {
    errors    = ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", 10, local.target_group]
    refusals  = ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum", 10, local.load_balancer]
    unhealthy = ["AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", 1, local.target_group]
    latency   = ["AWS/ApplicationELB", "TargetResponseTime", "p95", 5, local.target_group]
    processor = ["AWS/ECS", "CPUUtilization", "Average", 90, local.service]
    memory    = ["AWS/ECS", "MemoryUtilization", "Average", 90, local.service]
    blocked = ["AWS/WAFV2", "BlockedRequests", "Sum", 1000, {
      WebACL = aws_wafv2_web_acl.public.name, Region = data.aws_region.current.name, Rule = "ALL"
    }]
  }
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value[0]
  metric_name         = each.value[1]
  statistic           = each.value[2] == "p95" ? null : each.value[2]
  extended_statistic  = each.value[2] == "p95" ? "p95" : null
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value[3]
  dimensions          = each.value[4]
  period              = 60
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# None left is no number above a threshold: missing counts as alarm.
resource "aws_cloudwatch_metric_alarm" "gone" {
  alarm_name          = "${var.name}-gone"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  dimensions          = local.target_group
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
