# Managed by the template; updates merge into this file.
locals {
  # Rules that read the body too are left out: a tool's arguments are any text, and the server checks them.
  attacks = {
    scanners  = { priority = 200, expression = "evaluatePreconfiguredWaf('scannerdetection-v33-stable', {'sensitivity': 1})" }
    protocols = { priority = 210, expression = "evaluatePreconfiguredWaf('protocolattack-v33-stable', {'sensitivity': 1})" }
  }
}

resource "google_compute_security_policy" "public" {
  name = local.name
  type = "CLOUD_ARMOR"

  rule {
    priority    = 100
    action      = "deny(403)"
    description = "Log4Shell"

    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  dynamic "rule" {
    for_each = local.attacks

    content {
      priority    = rule.value.priority
      action      = "deny(403)"
      description = rule.key

      match {
        expr {
          expression = rule.value.expression
        }
      }
    }
  }

  rule {
    priority    = 1000
    action      = "throttle"
    description = "A thousand requests a minute from one address"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = 1000
        interval_sec = 60
      }
    }
  }

  rule {
    priority    = 2147483647
    action      = "allow"
    description = "Everything else"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}
