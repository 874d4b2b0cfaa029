# Managed by the template; updates merge into this file.
resource "azurerm_managed_redis" "cache" {
  name                      = "${var.name}-${var.region}"
  location                  = azurerm_resource_group.main.location
  resource_group_name       = azurerm_resource_group.main.name
  sku_name                  = "Balanced_B1"
  high_availability_enabled = true
  public_network_access     = "Disabled"

  default_database {
    access_keys_authentication_enabled = true
    client_protocol                    = "Encrypted"
    clustering_policy                  = "EnterpriseCluster"
    eviction_policy                    = "NoEviction" # An evicted count would be forgotten.
  }
}

resource "azurerm_private_dns_zone" "cache" {
  name                = "privatelink.redis.azure.net"
  resource_group_name = azurerm_resource_group.main.name
}

resource "azurerm_private_dns_zone_virtual_network_link" "cache" {
  name                  = var.name
  resource_group_name   = azurerm_resource_group.main.name
  private_dns_zone_name = azurerm_private_dns_zone.cache.name
  virtual_network_id    = azurerm_virtual_network.main.id
}

resource "azurerm_private_endpoint" "cache" {
  name                = "${var.name}-cache"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id

  private_service_connection {
    name                           = "cache"
    private_connection_resource_id = azurerm_managed_redis.cache.id
    subresource_names              = ["redisEnterprise"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "cache"
    private_dns_zone_ids = [azurerm_private_dns_zone.cache.id]
  }
}

resource "azurerm_key_vault_secret" "cache_url" {
  name         = "redis-url-${var.region}"
  key_vault_id = var.key_vault.id
  content_type = "A URL with a password"
  value_wo = format(
    "rediss://:%s@%s:10000/0",
    urlencode(azurerm_managed_redis.cache.default_database[0].primary_access_key),
    azurerm_managed_redis.cache.hostname,
  )
  # Another number for another key, so that it is written.
  value_wo_version = parseint(substr(sha256(azurerm_managed_redis.cache.default_database[0].primary_access_key), 0, 8), 16)
}
