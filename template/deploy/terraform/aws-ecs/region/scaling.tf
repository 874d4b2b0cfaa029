# Managed by the template; updates merge into this file.
locals {
  targets = {
    ECSServiceAverageCPUUtilization = { value = 60, label = null }
    ALBRequestCountPerTarget = {
      value = 3000
      label = "${aws_lb.public.arn_suffix}/${aws_lb_target_group.server.arn_suffix}"
    }
  }
}

resource "aws_appautoscaling_target" "server" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.server.name}"
  min_capacity       = var.replicas.minimum
  max_capacity       = var.replicas.maximum
}

resource "aws_appautoscaling_policy" "server" {
  for_each = local.targets

  name               = each.key
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.server.service_namespace
  scalable_dimension = aws_appautoscaling_target.server.scalable_dimension
  resource_id        = aws_appautoscaling_target.server.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.value
    scale_out_cooldown = 30
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.key
      resource_label         = each.value.label
    }
  }
}
