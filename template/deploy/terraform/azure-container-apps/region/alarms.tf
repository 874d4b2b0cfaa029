# Managed by the template; updates merge into this file.
resource "azurerm_monitor_action_group" "oncall" {
  name                = "${var.name}-${var.region}"
  resource_group_name = azurerm_resource_group.main.name
  short_name          = "oncall"

  email_receiver {
    name          = "oncall"
    email_address = var.alarm_email
  }
}

locals {
  # What is measured, when it is wrong, and the status codes that count.
  alarms = {
    errors    = { metric = "Requests", aggregation = "Total", operator = "GreaterThan", threshold = 10, codes = ["5xx"] }
    latency   = { metric = "ResponseTime", aggregation = "Average", operator = "GreaterThan", threshold = 5000, codes = [] }
    processor = { metric = "CpuPercentage", aggregation = "Average", operator = "GreaterThan", threshold = 90, codes = [] }
    memory    = { metric = "MemoryPercentage", aggregation = "Average", operator = "GreaterThan", threshold = 90, codes = [] }
    restarts  = { metric = "RestartCount", aggregation = "Total", operator = "GreaterThan", threshold = 3, codes = [] }
    gone      = { metric = "Replicas", aggregation = "Maximum", operator = "LessThan", threshold = 1, codes = [] }
  }
}

resource "azurerm_monitor_metric_alert" "main" {
  for_each = local.alarms

  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  scopes              = [azurerm_container_app.server.id]
  severity            = 1
  frequency           = "PT1M"
  window_size         = "PT5M"

  criteria {
    metric_namespace = "Microsoft.App/containerApps"
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold

    dynamic "dimension" {
      for_each = length(each.value.codes) > 0 ? [each.value.codes] : []

      content {
        name     = "statusCodeCategory"
        operator = "Include"
        values   = dimension.value
      }
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.oncall.id
  }
}
