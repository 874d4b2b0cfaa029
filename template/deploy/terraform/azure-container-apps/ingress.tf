# Managed by the template; updates merge into this file.
resource "azurerm_resource_group" "main" {
  name     = local.name
  location = keys(local.regions)[0]
}

resource "azurerm_cdn_frontdoor_profile" "main" {
  name                     = local.name
  resource_group_name      = azurerm_resource_group.main.name
  sku_name                 = "Premium_AzureFrontDoor"
  response_timeout_seconds = 120
}

resource "azurerm_cdn_frontdoor_endpoint" "main" {
  name                     = local.name
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.main.id
}

# The nearest region that answers: one that is not ready is left out.
resource "azurerm_cdn_frontdoor_origin_group" "server" {
  name                     = local.name
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.main.id
  session_affinity_enabled = false

  health_probe {
    path                = "/readyz"
    protocol            = "Https"
    request_type        = "GET"
    interval_in_seconds = 30
  }

  load_balancing {
    sample_size                 = 4
    successful_samples_required = 2
  }
}

resource "azurerm_cdn_frontdoor_origin" "region" {
  for_each = module.region

  name                           = each.key
  cdn_frontdoor_origin_group_id  = azurerm_cdn_frontdoor_origin_group.server.id
  host_name                      = each.value.host
  origin_host_header             = each.value.host
  certificate_name_check_enabled = true
  enabled                        = true

  private_link {
    location               = each.key
    private_link_target_id = each.value.environment_id
    target_type            = "managedEnvironments"
    request_message        = "Front Door of ${local.name}"
  }
}

data "azurerm_dns_zone" "public" {
  name                = var.dns_zone.name
  resource_group_name = var.dns_zone.resource_group
}

# The strictest that there is: TLS 1.3 is spoken, but cannot be made the minimum here.
resource "azurerm_cdn_frontdoor_custom_domain" "public" {
  name                     = local.name
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.main.id
  dns_zone_id              = data.azurerm_dns_zone.public.id
  host_name                = local.host

  tls {
    certificate_type    = "ManagedCertificate"
    minimum_tls_version = "TLS12"
  }
}

resource "azurerm_dns_txt_record" "proof" {
  name                = "_dnsauth.${trimsuffix(local.host, ".${var.dns_zone.name}")}"
  zone_name           = data.azurerm_dns_zone.public.name
  resource_group_name = var.dns_zone.resource_group
  ttl                 = 300

  record {
    value = azurerm_cdn_frontdoor_custom_domain.public.validation_token
  }
}

resource "azurerm_dns_cname_record" "public" {
  name                = trimsuffix(local.host, ".${var.dns_zone.name}")
  zone_name           = data.azurerm_dns_zone.public.name
  resource_group_name = var.dns_zone.resource_group
  ttl                 = 300
  record              = azurerm_cdn_frontdoor_endpoint.main.host_name
}

resource "azurerm_cdn_frontdoor_route" "public" {
  name                            = local.name
  cdn_frontdoor_endpoint_id       = azurerm_cdn_frontdoor_endpoint.main.id
  cdn_frontdoor_origin_group_id   = azurerm_cdn_frontdoor_origin_group.server.id
  cdn_frontdoor_origin_ids        = [for origin in azurerm_cdn_frontdoor_origin.region : origin.id]
  cdn_frontdoor_custom_domain_ids = [azurerm_cdn_frontdoor_custom_domain.public.id]
  patterns_to_match               = ["/*"]
  supported_protocols             = ["Https"]
  forwarding_protocol             = "HttpsOnly"
  https_redirect_enabled          = false
  link_to_default_domain          = false
}

resource "azurerm_cdn_frontdoor_custom_domain_association" "public" {
  cdn_frontdoor_custom_domain_id = azurerm_cdn_frontdoor_custom_domain.public.id
  cdn_frontdoor_route_ids        = [azurerm_cdn_frontdoor_route.public.id]
}

resource "azurerm_monitor_diagnostic_setting" "entrance" {
  name                       = local.name
  target_resource_id         = azurerm_cdn_frontdoor_profile.main.id
  log_analytics_workspace_id = module.region[keys(local.regions)[0]].workspace_id

  enabled_log {
    category_group = "allLogs"
  }
}
