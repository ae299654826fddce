variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "image_uri" {
  description = "The image in ECR, with a tag or a digest."
  type        = string
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

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted."
  type        = bool
  default     = true
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told of alarms."
  type        = list(string)
  default     = []
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
