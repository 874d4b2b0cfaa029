# Managed by the template; updates merge into this file.
resource "azurerm_log_analytics_workspace" "main" {
  name                       = "${var.name}-${var.region}"
  location                   = azurerm_resource_group.main.location
  resource_group_name        = azurerm_resource_group.main.name
  sku                        = "PerGB2018"
  retention_in_days          = var.log_retention_days
  internet_ingestion_enabled = true
  internet_query_enabled     = true
}

# The server's own log, audit events among it.
resource "azurerm_log_analytics_workspace_table" "server" {
  name                    = "ContainerAppConsoleLogs"
  workspace_id            = azurerm_log_analytics_workspace.main.id
  retention_in_days       = var.log_retention_days
  total_retention_in_days = var.log_archive_days
}

resource "azurerm_monitor_diagnostic_setting" "environment" {
  name                       = var.name
  target_resource_id         = azurerm_container_app_environment.main.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  enabled_log {
    category_group = "allLogs"
  }
}

data "azurerm_network_watcher" "main" {
  name                = "NetworkWatcher_${var.region}"
  resource_group_name = "NetworkWatcherRG"
}

resource "azurerm_storage_account" "flow" {
  name                            = substr("${replace(var.name, "-", "")}${sha256("${var.name}${azurerm_resource_group.main.id}")}", 0, 24)
  location                        = azurerm_resource_group.main.location
  resource_group_name             = azurerm_resource_group.main.name
  account_tier                    = "Standard"
  account_replication_type        = "GRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  allow_nested_items_to_be_public = false
  public_network_access_enabled   = false

  infrastructure_encryption_enabled = true
  shared_access_key_enabled         = true

  sas_policy {
    expiration_period = "01.00:00:00"
  }

  blob_properties {
    delete_retention_policy {
      days = 7
    }
  }

  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
  }
}

resource "azurerm_network_watcher_flow_log" "main" {
  name                 = var.name
  location             = azurerm_resource_group.main.location
  network_watcher_name = data.azurerm_network_watcher.main.name
  resource_group_name  = data.azurerm_network_watcher.main.resource_group_name
  target_resource_id   = azurerm_virtual_network.main.id
  storage_account_id   = azurerm_storage_account.flow.id
  enabled              = true
  version              = 2

  # For ever, as a year is its most: the account's policy says when they end.
  retention_policy {
    enabled = true
    days    = 0
  }

  traffic_analytics {
    enabled               = true
    workspace_id          = azurerm_log_analytics_workspace.main.workspace_id
    workspace_region      = azurerm_log_analytics_workspace.main.location
    workspace_resource_id = azurerm_log_analytics_workspace.main.id
    interval_in_minutes   = 10
  }
}

resource "azurerm_storage_management_policy" "flow" {
  storage_account_id = azurerm_storage_account.flow.id

  rule {
    name    = "retention"
    enabled = true

    filters {
      blob_types = ["blockBlob"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = var.log_archive_days
      }
    }
  }
}
