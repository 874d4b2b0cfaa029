# Managed by the template; updates merge into this file.
# The main module says which version.
terraform {
  required_providers {
    azurerm = { source = "hashicorp/azurerm" }
  }
}
