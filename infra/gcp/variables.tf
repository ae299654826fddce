variable "project" {
  description = "Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project: the project's id, not its name or number."
  }
}

variable "region" {
  description = "Region of everything; one near Encord's: europe-west1 for api.encord.com, us-east4 for api.us.encord.com."
  type        = string
  default     = "europe-west1"
}

variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "benchmark-qa"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name: 2 to 21 lower-case letters, digits and dashes, a letter first."
  }
}

variable "image" {
  description = "The container image, with a tag or a digest, e.g. europe-west1-docker.pkg.dev/PROJECT/benchmark-qa/benchmark-qa:1."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/.+[@:].+$", var.image))
    error_message = "image: REGISTRY/REPOSITORY/IMAGE with a tag or a digest."
  }
}

variable "config" {
  description = "The service's JSON document (BENCHMARK_QA_CONFIG): projects, stages, pathways, thresholds."
  type        = string

  validation {
    condition     = can(jsondecode(var.config).production_project) && can(jsondecode(var.config).benchmark_projects[0])
    error_message = "config: a JSON document with production_project and benchmark_projects."
  }
}

variable "secrets" {
  description = "Settings that are secrets: ENCORD_SSH_KEY, ROUTE_SECRET, SCORE_SECRET, NOTIFICATION_SECRET, DATABASE_URL, ... Written to Secret Manager; neither in the state nor in a plan."
  type        = map(string)
  ephemeral   = true
}

variable "secret_names" {
  description = "The keys of `secrets`; resources cannot be named after what Terraform must forget."
  type        = set(string)
  default     = ["ENCORD_SSH_KEY", "ROUTE_SECRET", "SCORE_SECRET", "NOTIFICATION_SECRET", "DATABASE_URL"]

  validation {
    condition     = contains(var.secret_names, "ENCORD_SSH_KEY")
    error_message = "secret_names: ENCORD_SSH_KEY is missing."
  }
}

variable "secrets_version" {
  description = "Raise it by one when `secrets` has changed: Terraform does not remember them, so it cannot see that."
  type        = number
  default     = 1
}

variable "encord_domain" {
  description = "Encord's API: https://api.encord.com, https://api.us.encord.com, or your private one."
  type        = string
  default     = "https://api.encord.com"

  validation {
    condition     = can(regex("^https://[^/]+$", var.encord_domain))
    error_message = "encord_domain: https://HOST without a path."
  }
}

variable "settings" {
  description = "Further settings of the service that are no secrets, e.g. { LOG_LEVEL = \"DEBUG\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = !anytrue([for key in keys(var.settings) : can(regex("(SECRET|TOKEN|SSH_KEY)$", key))])
    error_message = "settings: signing secrets, tokens and keys belong in `secrets`."
  }
}

variable "resources" {
  description = "Processor and memory of an instance, and how many instances there may be."
  type = object({
    cpu           = optional(string, "1")
    memory        = optional(string, "1Gi")
    min_instances = optional(number, 0)
    max_instances = optional(number, 20)
  })
  default = {}

  validation {
    condition     = var.resources.max_instances >= 1 && var.resources.min_instances <= var.resources.max_instances
    error_message = "resources: at least one instance, and min_instances at most max_instances."
  }
}

variable "job_seconds" {
  description = "Time that a job may take; Cloud Tasks waits 900 s."
  type        = number
  default     = 600

  validation {
    condition     = var.job_seconds >= 180 && var.job_seconds <= 890
    error_message = "job_seconds: 180 to 890."
  }
}

variable "jobs_at_once" {
  description = "Jobs that Cloud Tasks delivers at one time."
  type        = number
  default     = 20

  validation {
    condition     = var.jobs_at_once >= 1 && var.jobs_at_once <= 1000
    error_message = "jobs_at_once: 1 to 1000."
  }
}

variable "notification_channels" {
  description = "Channels of Cloud Monitoring that are told of alerts."
  type        = list(string)
  default     = []
}

variable "database" {
  description = "Create a PostgreSQL database (Cloud SQL). Without it DATABASE_URL comes from `secrets` or `settings`."
  type = object({
    tier                = optional(string, "db-f1-micro")
    deletion_protection = optional(bool, true)
    high_availability   = optional(bool, false)
  })
  default = null
}

variable "database_password" {
  description = "Password for the created database; letters and digits. Neither in the state nor in a plan."
  type        = string
  ephemeral   = true
  default     = null

  validation {
    condition     = var.database_password == null || can(regex("^[A-Za-z0-9]{16,128}$", var.database_password))
    error_message = "database_password: 16 to 128 letters and digits."
  }
}

variable "scheduled_drains" {
  description = "Agent stages whose queues are worked off on a schedule, whether or not a notification arrives."
  type = list(object({
    project_hash = string
    stage_uuid   = string
    schedule     = optional(string, "0 * * * *")
  }))
  default = []
}
