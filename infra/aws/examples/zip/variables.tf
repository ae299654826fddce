variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "benchmark-qa"
}

variable "region" {
  description = "AWS region; one near Encord's: eu-west-1 for api.encord.com, us-east-1 for api.us.encord.com."
  type        = string
  default     = "eu-west-1"
}

variable "zip" {
  description = "What `make zip` has built."
  type        = string
  default     = "../../../../dist/benchmark-qa-lambda.zip"
}

variable "config_file" {
  description = "The service's JSON document."
  type        = string
  default     = "benchmark-qa.json"
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

variable "database_url" {
  description = "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full&sslrootcert=/var/task/certificates/NAME.pem, or none if scores may end with the instance."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "architecture" {
  description = "Processor of the function, and of the zip: arm64 or x86_64. Build for the same one."
  type        = string
  default     = "x86_64"
}

variable "encord_domain" {
  description = "Encord's API."
  type        = string
  default     = "https://api.encord.com"
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
    requests = optional(number, -1)
    jobs     = optional(number, 20)
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
