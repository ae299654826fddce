# The smallest deployment: the zip, a PostgreSQL database of yours, both agent stages on Auto.
#
#   make zip
#   terraform init && terraform apply
#
# Terraform asks for what has no default. State holds no secret; keep it in a bucket all the same: examples/state.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

module "benchmark_qa" {
  source = "../.."

  name             = var.name
  package          = { zip = var.zip }
  architecture     = var.architecture
  config           = file(var.config_file)
  encord_domain    = var.encord_domain
  settings         = var.settings
  concurrency      = var.concurrency
  alarm_topic_arns = var.alarm_topic_arns
  migrate          = var.migrate
  scheduled_drains = var.scheduled_drains
  tags             = var.tags

  secrets = merge(
    {
      ENCORD_SSH_KEY      = var.ssh_key
      ROUTE_SECRET        = var.route_secret
      SCORE_SECRET        = var.score_secret
      NOTIFICATION_SECRET = var.notification_secret
      DATABASE_URL        = var.database_url
    },
    var.more_secrets,
  )
  secrets_version = var.secrets_version
}

output "urls" {
  description = "Paste these into Encord."
  value       = module.benchmark_qa.urls
}

output "schema" {
  description = "The tables' revision, as the migration has left it."
  value       = module.benchmark_qa.schema
}
