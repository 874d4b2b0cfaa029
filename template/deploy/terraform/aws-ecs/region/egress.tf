# Managed by the template; updates merge into this file.
# What is not on the list is not looked up. An address that a caller already knows is stopped by nothing but the port:
# only 443 leaves.
resource "aws_route53_resolver_firewall_domain_list" "allowed" {
  name    = "${var.name}-allowed"
  domains = concat(["*.${data.aws_partition.current.dns_suffix}"], var.egress_hosts)
}

resource "aws_route53_resolver_firewall_domain_list" "everything" {
  name    = "${var.name}-everything"
  domains = ["*."]
}

resource "aws_route53_resolver_firewall_rule_group" "egress" {
  name = var.name
}

resource "aws_route53_resolver_firewall_rule" "allow" {
  name                               = "allow"
  action                             = "ALLOW"
  priority                           = 10
  firewall_domain_list_id            = aws_route53_resolver_firewall_domain_list.allowed.id
  firewall_rule_group_id             = aws_route53_resolver_firewall_rule_group.egress.id
  firewall_domain_redirection_action = "TRUST_REDIRECTION_DOMAIN"
}

resource "aws_route53_resolver_firewall_rule" "block" {
  name                    = "block"
  action                  = "BLOCK"
  block_response          = "NXDOMAIN"
  priority                = 20
  firewall_domain_list_id = aws_route53_resolver_firewall_domain_list.everything.id
  firewall_rule_group_id  = aws_route53_resolver_firewall_rule_group.egress.id
}

resource "aws_route53_resolver_firewall_rule_group_association" "egress" {
  name                   = var.name
  firewall_rule_group_id = aws_route53_resolver_firewall_rule_group.egress.id
  priority               = 101
  vpc_id                 = aws_vpc.main.id
}

resource "aws_route53_resolver_firewall_config" "closed" {
  resource_id        = aws_vpc.main.id
  firewall_fail_open = "DISABLED"
}
