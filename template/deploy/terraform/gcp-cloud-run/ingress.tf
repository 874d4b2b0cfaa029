# Managed by the template; updates merge into this file.
resource "google_compute_global_address" "public" {
  name = local.name
}

data "google_dns_managed_zone" "public" {
  name = var.dns_zone
}

resource "google_dns_record_set" "public" {
  managed_zone = data.google_dns_managed_zone.public.name
  name         = "${local.host}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.public.address]
}

resource "google_compute_managed_ssl_certificate" "public" {
  name = local.name

  managed {
    domains = [local.host]
  }
}

# The strictest that there is: TLS 1.3 cannot be made the minimum here.
resource "google_compute_ssl_policy" "strict" {
  name            = local.name
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
}

# One address for all regions: a request goes to the nearest, and past one whose answers are errors.
resource "google_compute_backend_service" "server" {
  name                  = local.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.public.id

  dynamic "backend" {
    for_each = module.region

    content {
      group = backend.value.endpoint_group
    }
  }

  outlier_detection {
    consecutive_errors                    = 5
    consecutive_gateway_failure           = 3
    enforcing_consecutive_errors          = 100
    enforcing_consecutive_gateway_failure = 100
    max_ejection_percent                  = 50

    interval {
      seconds = 10
    }

    base_ejection_time {
      seconds = 60
    }
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_url_map" "public" {
  name            = local.name
  default_service = google_compute_backend_service.server.id
}

resource "google_compute_target_https_proxy" "public" {
  name             = local.name
  url_map          = google_compute_url_map.public.id
  ssl_certificates = [google_compute_managed_ssl_certificate.public.id]
  ssl_policy       = google_compute_ssl_policy.strict.id
  tls_early_data   = "DISABLED"
}

resource "google_compute_global_forwarding_rule" "public" {
  name                  = local.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.public.address
  ip_protocol           = "TCP"
  port_range            = "443"
  target                = google_compute_target_https_proxy.public.id
}
