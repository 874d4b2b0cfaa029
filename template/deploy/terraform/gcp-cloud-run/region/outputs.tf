# Managed by the template; updates merge into this file.
output "endpoint_group" {
  description = "What the load balancer sends requests to."
  value       = google_compute_region_network_endpoint_group.server.id
}

output "service" {
  description = "The service that CI puts a new image into."
  value       = google_cloud_run_v2_service.server.name
}
