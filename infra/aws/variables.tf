variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "benchmark-qa"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}$", var.name))
    error_message = "name: 2 to 30 lower-case letters, digits and dashes, a letter first."
  }
}

variable "package" {
  description = "What runs: the path of the zip that `make zip` builds, or the URI of the image in ECR."
  type = object({
    zip       = optional(string)
    image_uri = optional(string)
  })

  validation {
    condition     = (var.package.zip == null) != (var.package.image_uri == null)
    error_message = "package: give either zip or image_uri."
  }
  validation {
    condition     = var.package.image_uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/.+[@:].+$", var.package.image_uri))
    error_message = "package.image_uri: Lambda takes images from ECR only, with a tag or a digest."
  }
}

variable "architecture" {
  description = "Processor that the package was built for."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture: x86_64 or arm64."
  }
}

variable "config" {
  description = "The service's JSON document (BENCHMARK_QA_CONFIG): projects, stages, pathways, thresholds."
  type        = string

  validation {
    condition     = can(jsondecode(var.config).production_project) && can(jsondecode(var.config).benchmark_projects[0])
    error_message = "config: a JSON document with production_project and benchmark_projects."
  }
  validation {
    condition     = length(base64encode(var.config)) <= 64000
    error_message = "config: at most 48,000 bytes; over 3,000 it travels with the secrets, which hold 64 KB in all."
  }
}

variable "secrets" {
  description = "Settings that are secrets: ENCORD_SSH_KEY, ROUTE_SECRET, SCORE_SECRET, NOTIFICATION_SECRET, DATABASE_URL, ... and, if another user than the service's owns the tables, MIGRATION_DATABASE_URL. Written to Secrets Manager; neither in the state nor in a plan. Empty: you write the secret yourself."
  type        = map(string)
  ephemeral   = true
  default     = {}
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
  description = "Further settings of the service that are no secrets, e.g. { LOG_LEVEL = \"DEBUG\" }. DATABASE_URL = \"none\" here if scores may end with the instance."
  type        = map(string)
  default     = {}

  validation {
    condition     = !anytrue([for key in keys(var.settings) : can(regex("(SECRET|TOKEN|SSH_KEY)$", key))])
    error_message = "settings: signing secrets, tokens and keys belong in `secrets`."
  }
}

variable "memory_mb" {
  description = "Memory of each function; Lambda gives processor in proportion, one whole at 1,769."
  type        = number
  default     = 1769

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 10240
    error_message = "memory_mb: 512 to 10240."
  }
}

variable "request_seconds" {
  description = "Time budget of one request of Encord's, which waits 180 s."
  type        = number
  default     = 150

  validation {
    condition     = var.request_seconds >= 5 && var.request_seconds <= 170
    error_message = "request_seconds: 5 to 170."
  }
}

variable "job_seconds" {
  description = "Time that one batch of jobs may take."
  type        = number
  default     = 300

  validation {
    condition     = var.job_seconds >= 60 && var.job_seconds <= 900
    error_message = "job_seconds: 60 to 900."
  }
}

variable "jobs_per_batch" {
  description = "Jobs that one invocation takes from the queue; each is up to 100 tasks."
  type        = number
  default     = 2

  validation {
    condition     = var.jobs_per_batch >= 1 && var.jobs_per_batch <= 10
    error_message = "jobs_per_batch: 1 to 10."
  }
}

variable "concurrency" {
  description = "Instances reserved for requests, and at most working on jobs. -1: whatever the account has left."
  type = object({
    requests = optional(number, -1)
    jobs     = optional(number, 20)
  })
  default = {}

  validation {
    condition     = var.concurrency.requests == -1 || var.concurrency.requests >= 2
    error_message = "concurrency.requests: -1, or at least 2; with less Encord's calls would be turned away."
  }
  validation {
    condition     = var.concurrency.jobs >= 2 && var.concurrency.jobs <= 1000
    error_message = "concurrency.jobs: 2 to 1000."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when an alarm goes off, and when it is over."
  type        = list(string)
  default     = []
}

variable "network" {
  description = "Private subnets (with a NAT gateway: Encord must be reached) that the functions run in. Needed with a database inside a VPC."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
  default = null
}

variable "database" {
  description = "Create a PostgreSQL database (RDS) in `network`. service_user: the service signs in as a user that owns no table. Without a database DATABASE_URL comes from `secrets` or `settings`."
  type = object({
    instance_class      = optional(string, "db.t4g.micro")
    storage_gb          = optional(number, 20)
    multi_az            = optional(bool, false)
    deletion_protection = optional(bool, true)
    backup_days         = optional(number, 14)
    max_connections     = optional(number, 80)
    service_user        = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.database == null || (try(var.database.max_connections, 80) >= 20 && try(var.database.max_connections, 80) <= 5000)
    error_message = "database.max_connections: 20 to 5000; a connection takes about 10 MB of the instance's memory."
  }
  validation {
    condition     = var.database == null || var.network != null
    error_message = "database: needs `network`, too."
  }
}

variable "database_pool" {
  description = "Connections that one instance of the service opens at most (DATABASE_CONNECTIONS)."
  type        = number
  default     = 2

  validation {
    condition     = var.database_pool >= 1 && var.database_pool <= 20
    error_message = "database_pool: 1 to 20."
  }
}

variable "migrate" {
  description = "Run `benchmark-qa db upgrade` inside the network, by `apply`, before a new package or new secrets take calls. The first `apply` with a database needs it. false: DATABASE_URL is none, or somebody else does it."
  type        = bool
  default     = true
}

variable "database_password" {
  description = "Password for the created database; letters and digits. A new one comes with a higher secrets_version. Neither in the state nor in a plan."
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
    schedule     = optional(string, "rate(1 hour)")
  }))
  default = []

  validation {
    condition     = alltrue([for drain in var.scheduled_drains : can(regex("^(rate|cron|at)\\(.+\\)$", drain.schedule))])
    error_message = "scheduled_drains: schedules look like rate(1 hour) or cron(0 3 * * ? *)."
  }
}

variable "scheduled_commands" {
  description = "Commands of `benchmark-qa` run on a schedule as Fargate tasks in `network`, from the image: { evaluate = \"cron(0 3 * * ? *)\", route = \"rate(1 day)\" } makes up what was missed."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, schedule in var.scheduled_commands : contains(["evaluate", "route"], name) && can(regex("^(rate|cron)\\(.+\\)$", schedule))])
    error_message = "scheduled_commands: evaluate and route, each with a schedule such as rate(1 day) or cron(0 3 * * ? *)."
  }
  validation {
    condition     = length(var.scheduled_commands) == 0 || (var.package.image_uri != null && var.network != null)
    error_message = "scheduled_commands: need package.image_uri (the zip has no commands) and network. With the zip take scheduled_drains."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
