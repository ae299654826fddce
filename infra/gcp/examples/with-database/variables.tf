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
  description = "Raise it by one when all secrets have changed."
  type        = number
  default     = 1
}

variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "benchmark-qa"
}

variable "more_secrets" {
  description = "Further secrets by their names, e.g. { TASK_SUBMITTED_SECRET = \"...\", METRICS_TOKEN = \"...\" }; name them in more_secret_names, too."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
  default     = {}
}

variable "more_secret_names" {
  description = "The keys of more_secrets."
  type        = set(string)
  default     = []
}

variable "secret_versions" {
  description = "The number of one secret alone, e.g. { ROUTE_SECRET = 2 }: raise it when that one has changed."
  type        = map(number)
  default     = {}
}

variable "settings" {
  description = "Further settings that are no secrets, e.g. { LOG_LEVEL = \"DEBUG\" }."
  type        = map(string)
  default     = {}
}

variable "resources" {
  description = "Processor and memory of an instance, and how many instances there may be."
  type = object({
    cpu           = optional(string, "1")
    memory        = optional(string, "1Gi")
    min_instances = optional(number, 0)
    max_instances = optional(number, 5)
  })
  default = {}
}

variable "network" {
  description = "A VPC of yours, if the database is to have a private address: see the module's variable of this name."
  type = object({
    network    = string
    subnetwork = string
    peering    = optional(bool, true)
  })
  default = null
}

variable "migrate" {
  description = "Whether `apply` brings the tables up to date. false without a database, or where somebody else does."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether service and database refuse to be deleted."
  type        = bool
  default     = true
}

variable "notification_channels" {
  description = "Channels of Cloud Monitoring that are told of alerts."
  type        = list(string)
  default     = []
}

variable "scheduled_commands" {
  description = "Commands on a schedule, e.g. { evaluate = \"0 3 * * *\", route = \"30 3 * * *\" }: what was missed is made up."
  type        = map(string)
  default     = {}
}

variable "scheduled_drains" {
  description = "Agent stages whose queues are worked off on a schedule."
  type = list(object({
    project_hash = string
    stage_uuid   = string
    schedule     = optional(string, "0 * * * *")
  }))
  default = []
}

variable "labels" {
  description = "Labels of every resource that takes some."
  type        = map(string)
  default     = {}
}
