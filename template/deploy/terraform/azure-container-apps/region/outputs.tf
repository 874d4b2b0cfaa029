# Managed by the template; updates merge into this file.
output "host" {
  description = "What Front Door calls the app."
  value       = "${azurerm_container_app.server.name}.${azurerm_container_app_environment.main.default_domain}"
}

output "environment_id" {
  description = "What Front Door's private link leads to."
  value       = azurerm_container_app_environment.main.id
}

output "workspace_id" {
  description = "Where the region's logs are."
  value       = azurerm_log_analytics_workspace.main.id
}

output "resource_group_id" {
  description = "What CI may deploy in."
  value       = azurerm_resource_group.main.id
}

output "deployed" {
  description = "What CI puts a new image into."
  value       = { app = azurerm_container_app.server.name, resource_group = azurerm_resource_group.main.name }
}
