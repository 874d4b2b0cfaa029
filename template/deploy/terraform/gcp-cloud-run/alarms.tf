# Managed by the template; updates merge into this file.
resource "google_monitoring_notification_channel" "oncall" {
  display_name = "${local.name}: on call"
  type         = "email"
  labels       = { email_address = var.alarm_email }
}

resource "google_monitoring_uptime_check_config" "ready" {
  display_name       = local.name
  timeout            = "10s"
  period             = "60s"
  log_check_failures = true

  http_check {
    path         = "/readyz"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = local.host }
  }
}

locals {
  service  = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.name}\""
  entrance = "resource.type=\"https_lb_rule\" AND resource.labels.url_map_name=\"${google_compute_url_map.public.name}\""

  requests = "${local.entrance} AND metric.type=\"loadbalancing.googleapis.com/https/request_count\""
  used     = "${local.service} AND metric.type=\"run.googleapis.com/container"
  check    = google_monitoring_uptime_check_config.ready.uptime_check_id

  alarms = {
    errors = {
      filter    = "${local.requests} AND metric.labels.response_code_class=500"
      aligner   = "ALIGN_RATE"
      reducer   = "REDUCE_SUM"
      threshold = 0.2
    }
    refusals = {
      filter    = "${local.requests} AND metric.labels.response_code=429"
      aligner   = "ALIGN_RATE"
      reducer   = "REDUCE_SUM"
      threshold = 10
    }
    latency = {
      filter    = "${local.service} AND metric.type=\"run.googleapis.com/request_latencies\""
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      threshold = 5000
    }
    processor = {
      filter    = "${local.used}/cpu/utilizations\""
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      threshold = 0.9
    }
    memory = {
      filter    = "${local.used}/memory/utilizations\""
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      threshold = 0.9
    }
    unready = {
      filter = join(" AND ", [
        "resource.type=\"uptime_url\"",
        "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\"",
        "metric.labels.check_id=\"${local.check}\"",
      ])
      aligner   = "ALIGN_NEXT_OLDER"
      reducer   = "REDUCE_COUNT_FALSE"
      threshold = 1
    }
  }
}

resource "google_monitoring_alert_policy" "main" {
  for_each = local.alarms

  display_name          = "${local.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.oncall.id]

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "120s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }
}
