# Managed by the template; updates merge into this file.
# Out goes HTTPS, to anywhere: names are known to an Azure Firewall only, which this is not. The platform's own traffic
# inside the subnet, its DNS and its time are what Container Apps asks for.
locals {
  outbound = {
    https    = { priority = 100, access = "Allow", protocol = "Tcp", ports = ["443"], to = "Internet" }
    dns      = { priority = 110, access = "Allow", protocol = "*", ports = ["53"], to = "168.63.129.16" }
    cache    = { priority = 120, access = "Allow", protocol = "Tcp", ports = ["10000"], to = azurerm_subnet.endpoints.address_prefixes[0] }
    platform = { priority = 130, access = "Allow", protocol = "*", ports = ["0-65535"], to = azurerm_subnet.apps.address_prefixes[0] }
    nothing  = { priority = 4096, access = "Deny", protocol = "*", ports = ["0-65535"], to = "*" }
  }
}

resource "azurerm_network_security_group" "apps" {
  name                = "${var.name}-apps"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
}

resource "azurerm_network_security_rule" "outbound" {
  for_each = local.outbound

  name                        = each.key
  resource_group_name         = azurerm_resource_group.main.name
  network_security_group_name = azurerm_network_security_group.apps.name
  direction                   = "Outbound"
  access                      = each.value.access
  priority                    = each.value.priority
  protocol                    = each.value.protocol
  source_address_prefix       = azurerm_subnet.apps.address_prefixes[0]
  source_port_range           = "*"
  destination_address_prefix  = each.value.to
  destination_port_ranges     = each.value.ports
}

resource "azurerm_network_security_group" "endpoints" {
  name                = "${var.name}-endpoints"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name

  security_rule {
    name                       = "server"
    direction                  = "Inbound"
    access                     = "Allow"
    priority                   = 100
    protocol                   = "Tcp"
    source_address_prefix      = azurerm_subnet.apps.address_prefixes[0]
    source_port_range          = "*"
    destination_address_prefix = azurerm_subnet.endpoints.address_prefixes[0]
    destination_port_range     = "10000"
  }

  security_rule {
    name                       = "nothing-else"
    direction                  = "Inbound"
    access                     = "Deny"
    priority                   = 4096
    protocol                   = "*"
    source_address_prefix      = "*"
    source_port_range          = "*"
    destination_address_prefix = "*"
    destination_port_range     = "*"
  }
}

resource "azurerm_subnet_network_security_group_association" "apps" {
  subnet_id                 = azurerm_subnet.apps.id
  network_security_group_id = azurerm_network_security_group.apps.id
}

resource "azurerm_subnet_network_security_group_association" "endpoints" {
  subnet_id                 = azurerm_subnet.endpoints.id
  network_security_group_id = azurerm_network_security_group.endpoints.id
}
