# Managed by the template; updates merge into this file.
locals {
  certificate_folder = "/run/secrets/cache-certificate"

  cache_secrets = {
    # Its certificate names no address, so the server knows it by the authority that signs for it alone.
    url         = "rediss://:${google_redis_instance.cache.auth_string}@${google_redis_instance.cache.host}:${google_redis_instance.cache.port}/0?ssl_check_hostname=false&ssl_ca_certs=${local.certificate_folder}/value"
    certificate = join("\n", google_redis_instance.cache.server_ca_certs[*].cert)
  }
}

resource "google_redis_instance" "cache" {
  name                    = var.name
  region                  = var.region
  tier                    = "STANDARD_HA"
  memory_size_gb          = 1
  redis_version           = "REDIS_7_2"
  authorized_network      = var.network
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"
  # An evicted count would be forgotten.
  redis_configs = { maxmemory-policy = "noeviction" }
}

resource "google_compute_network_firewall_policy_rule" "cache" {
  firewall_policy = var.firewall_policy
  description     = "The cache in ${var.region}"
  direction       = "EGRESS"
  action          = "allow"
  priority        = 2000 + parseint(substr(sha256(var.region), 0, 3), 16)
  enable_logging  = true

  match {
    dest_ip_ranges = ["${google_redis_instance.cache.host}/32"]

    layer4_configs {
      ip_protocol = "tcp"
      ports       = [google_redis_instance.cache.port]
    }
  }
}

resource "google_secret_manager_secret" "cache" {
  for_each = toset(["url", "certificate"])

  secret_id = "${var.name}-cache-${each.key}-${var.region}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "cache" {
  for_each = google_secret_manager_secret.cache

  secret                 = each.value.id
  secret_data_wo         = local.cache_secrets[each.key]
  secret_data_wo_version = parseint(substr(sha256(google_redis_instance.cache.create_time), 0, 8), 16)
}

resource "google_secret_manager_secret_iam_member" "cache" {
  for_each = google_secret_manager_secret.cache

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.service_account}"
}
