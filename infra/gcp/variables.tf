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
  description = "Settings that are secrets: ENCORD_SSH_KEY, ROUTE_SECRET, SCORE_SECRET, NOTIFICATION_SECRET, DATABASE_URL, ... and, if another user than the service's owns the tables, MIGRATION_DATABASE_URL. Written to Secret Manager; neither in the state nor in a plan."
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
  description = "Raise it by one when all of `secrets` have changed: Terraform does not remember them, so it cannot see that."
  type        = number
  default     = 1
}

variable "secret_versions" {
  description = "The number of one secret alone, e.g. { ROUTE_SECRET = 2 }: raise it when that one has changed. DATABASE_URL stands for the database's password, too."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for number in values(var.secret_versions) : number >= 1 && floor(number) == number])
    error_message = "secret_versions: whole numbers from 1, by the secret's name."
  }
}

variable "migrate" {
  description = "Run `benchmark-qa db upgrade` as a job, by `apply`, before the new revision (needs gcloud where Terraform runs). The first `apply` with a database needs it. false: DATABASE_URL is none, or somebody else does it."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether the service refuses to be deleted; the database has its own."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels of every resource that takes some."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels: lower-case letters, digits, _ and -, 63 at most."
  }
}

variable "network" {
  description = "A VPC of yours: the database gets a private address in it and no public one, and the service reaches it through the subnetwork. peering: make the peering with Google's network, too (one per VPC)."
  type = object({
    network    = string
    subnetwork = string
    peering    = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.network == null || can(regex("^projects/[^/]+/global/networks/[^/]+$", try(var.network.network, "")))
    error_message = "network.network: projects/PROJECT/global/networks/NAME."
  }
}

variable "probes" {
  description = "Paths that Google asks inside an instance: until it has started, and afterwards whether it lives."
  type = object({
    startup  = optional(string, "/livez")
    liveness = optional(string, "/livez")
  })
  default = {}
}

variable "database_pool" {
  description = "Connections that one instance of the service opens at most (DATABASE_CONNECTIONS)."
  type        = number
  default     = 4

  validation {
    condition     = var.database_pool >= 1 && var.database_pool <= 20
    error_message = "database_pool: 1 to 20."
  }
}

variable "scheduled_commands" {
  description = "Commands of `benchmark-qa` run on a schedule as jobs: { evaluate = \"0 3 * * *\", route = \"30 3 * * *\" } makes up what was missed."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, schedule in var.scheduled_commands : contains(["evaluate", "route"], name) && can(regex("^\\S+( \\S+){4}$", schedule))])
    error_message = "scheduled_commands: evaluate and route, each with a schedule such as 0 3 * * *."
  }
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
  description = "Create a PostgreSQL database (Cloud SQL). service_user: the service signs in as a user that owns no table. Without a database DATABASE_URL comes from `secrets` or `settings`."
  type = object({
    tier                = optional(string, "db-g1-small")
    deletion_protection = optional(bool, true)
    high_availability   = optional(bool, false)
    max_connections     = optional(number, 50)
    service_user        = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.database == null || (try(var.database.max_connections, 50) >= 14 && try(var.database.max_connections, 50) <= 5000)
    error_message = "database.max_connections: 14 to 5000; a connection takes about 10 MB of the instance's memory."
  }
}

variable "database_password" {
  description = "Password for the created database; letters and digits. A new one comes with a higher number of DATABASE_URL in secret_versions. Neither in the state nor in a plan."
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
