# Managed by the template; updates merge into this file.
variable "name" {
  description = "What everything is called."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "network" {
  description = "The region's address range, a /16."
  type        = string
}

variable "image" {
  description = "The image, by digest."
  type        = string
}

variable "registry" {
  description = "Where the image comes from, and as whom; a user of null: it is public."
  type        = object({ server = string, user = string })
}

variable "environment" {
  description = "The server's settings."
  type        = map(string)
}

variable "key_vault" {
  description = "The key vault that holds the secrets."
  type        = object({ id = string, uri = string })
}

variable "secrets" {
  description = "Which secret stands in the file that each setting names."
  type        = map(string)
}

variable "replicas" {
  description = "How many replicas run at least and at most."
  type        = object({ minimum = number, maximum = number })
}

variable "log_retention_days" {
  description = "How long logs are kept at hand."
  type        = number
}

variable "log_archive_days" {
  description = "How long logs are kept altogether."
  type        = number
}

variable "alarm_email" {
  description = "Who hears of alarms."
  type        = string
}
