variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
  default     = "europe-west1"
}

variable "image" {
  description = "The image with its tag or digest."
  type        = string
}

variable "config_file" {
  description = "The service's JSON document."
  type        = string
  default     = "benchmark-qa.json"
}

variable "encord_domain" {
  description = "Encord's API."
  type        = string
  default     = "https://api.encord.com"
}

variable "ssh_key" {
  description = "Private key (Ed25519, OpenSSH) of Encord's service account."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "route_secret" {
  description = "Signing secret of the routing agent. Any long text until Encord has shown it."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "score_secret" {
  description = "Signing secret of the scoring agent. Any other long text until Encord has shown it."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "notification_secret" {
  description = "Signing secret of task-ready notifications. Any third long text until Encord has shown it."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "database_password" {
  description = "Password for the database: 16 letters and digits or more."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "secrets_version" {
  description = "Raise it when a secret has changed."
  type        = number
  default     = 1
}
