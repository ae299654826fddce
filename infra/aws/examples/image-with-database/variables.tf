variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "benchmark-qa"
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "config_file" {
  description = "The service's JSON document."
  type        = string
  default     = "benchmark-qa.json"
}

variable "vpc_id" {
  description = "VPC of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two availability zones at least."
  type        = list(string)
}

variable "database_password" {
  description = "Password for the database: 16 letters and digits or more."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "ssh_key" {
  description = "Private key (Ed25519, OpenSSH) of Encord's service account."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "route_secret" {
  description = "Signing secret of the routing agent."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "score_secret" {
  description = "Signing secret of the scoring agent."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "notification_secret" {
  description = "Signing secret of task-ready notifications."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "architecture" {
  description = "Processor of the functions, and of the image: arm64 or x86_64. Build for the same one."
  type        = string
  default     = "arm64"
}

variable "encord_domain" {
  description = "Encord's API."
  type        = string
  default     = "https://api.encord.com"
}

variable "image_tag" {
  description = "Tag of the image in the repository; a new one for each build."
  type        = string
}

variable "database" {
  description = "The database: see the module's variable of this name."
  type = object({
    instance_class      = optional(string, "db.t4g.micro")
    storage_gb          = optional(number, 20)
    multi_az            = optional(bool, false)
    deletion_protection = optional(bool, true)
    backup_days         = optional(number, 14)
    max_connections     = optional(number, 80)
    service_user        = optional(bool, true)
  })
  default = {}
}

variable "scheduled_commands" {
  description = "Commands on a schedule, e.g. { evaluate = \"cron(0 3 * * ? *)\", route = \"cron(30 3 * * ? *)\" }: what was missed is made up."
  type        = map(string)
  default     = {}
}

variable "more_secrets" {
  description = "Further secrets by their names, e.g. { TASK_SUBMITTED_SECRET = \"...\", METRICS_TOKEN = \"...\", REPORT_TOKEN = \"...\" }."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
  default     = {}
}

variable "secrets_version" {
  description = "Raise it by one when a secret or the database's password has changed."
  type        = number
  default     = 1
}

variable "settings" {
  description = "Further settings that are no secrets, e.g. { LOG_LEVEL = \"DEBUG\" }."
  type        = map(string)
  default     = {}
}

variable "concurrency" {
  description = "Instances at most, for calls and for jobs; -1: no number reserved."
  type = object({
    requests = optional(number, 10)
    jobs     = optional(number, 5)
  })
  default = {}
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told of alarms."
  type        = list(string)
  default     = []
}

variable "migrate" {
  description = "Whether `apply` brings the tables up to date. false without a database, or where somebody else does."
  type        = bool
  default     = true
}

variable "scheduled_drains" {
  description = "Agent stages whose queues are worked off on a schedule."
  type = list(object({
    project_hash = string
    stage_uuid   = string
    schedule     = optional(string, "rate(1 hour)")
  }))
  default = []
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
