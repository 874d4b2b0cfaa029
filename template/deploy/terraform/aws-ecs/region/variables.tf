# Managed by the template; updates merge into this file.
variable "name" {
  description = "What everything is called."
  type        = string
}

variable "host" {
  description = "The host name of the public URL."
  type        = string
}

variable "image" {
  description = "The image, by digest."
  type        = string
}

variable "registry_secret" {
  description = "The name of the secret that a private image registry needs, or null."
  type        = string
}

variable "environment" {
  description = "The server's settings."
  type        = map(string)
}

variable "egress_hosts" {
  description = "The host names that may be looked up."
  type        = list(string)
}

variable "network" {
  description = "The region's address range, a /16."
  type        = string
}

variable "replicas" {
  description = "How many replicas run at least and at most."
  type        = object({ minimum = number, maximum = number })
}

variable "log_retention_days" {
  description = "How long logs are kept; one of the periods that CloudWatch knows."
  type        = number
}

variable "alarm_email" {
  description = "Who hears of alarms."
  type        = string
}
