# Managed by the template; updates merge into this file.
# The server's log, audit events among it, where it can be added to, but not changed or deleted before its time.
resource "azurerm_storage_account" "archive" {
  name                            = substr("a${sha256("archive${var.name}${azurerm_resource_group.main.id}")}", 0, 24)
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
    versioning_enabled = true

    delete_retention_policy {
      days = 7
    }
  }

  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
  }

  # Unlocked can still be shortened by the account's owner; an auditor asks for Locked, which is for ever.
  immutability_policy {
    state                         = "Unlocked"
    period_since_creation_in_days = var.log_archive_days
    allow_protected_append_writes = true
  }
}

resource "azurerm_monitor_diagnostic_setting" "archive" {
  name               = "${var.name}-archive"
  target_resource_id = azurerm_container_app_environment.main.id
  storage_account_id = azurerm_storage_account.archive.id

  enabled_log {
    category = "ContainerAppConsoleLogs"
  }
}
