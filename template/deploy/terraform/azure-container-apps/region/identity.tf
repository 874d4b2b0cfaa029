# Managed by the template; updates merge into this file.
# What the server may do in Azure: read its own secrets.
resource "azurerm_user_assigned_identity" "server" {
  name                = var.name
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
}

resource "azurerm_role_assignment" "secrets" {
  for_each = toset(local.secret_names)

  scope                = "${var.key_vault.id}/secrets/${each.key}"
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.server.principal_id
}
