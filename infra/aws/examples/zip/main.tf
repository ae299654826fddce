# The smallest deployment: the zip, a PostgreSQL database of yours, both agent stages on Auto.
#
#   make zip
#   terraform init && terraform apply
#
# Terraform asks for what has no default. State holds no secret; keep it in a bucket all the same:
#
#   terraform {
#     backend "s3" {
#       bucket       = "YOUR-STATE-BUCKET"
#       key          = "benchmark-qa.tfstate"
#       region       = "eu-west-1"
#       use_lockfile = true
#     }
#   }

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

  package       = { zip = var.zip }
  config        = file(var.config_file)
  encord_domain = var.encord_domain

  secrets = {
    ENCORD_SSH_KEY      = var.ssh_key
    ROUTE_SECRET        = var.route_secret
    SCORE_SECRET        = var.score_secret
    NOTIFICATION_SECRET = var.notification_secret
    DATABASE_URL        = var.database_url
  }
  secrets_version  = var.secrets_version
  scheduled_drains = var.scheduled_drains
}

output "urls" {
  description = "Paste these into Encord."
  value = {
    route          = module.benchmark_qa.route_url
    score          = module.benchmark_qa.score_url
    task_ready     = module.benchmark_qa.task_ready_url
    task_submitted = module.benchmark_qa.task_submitted_url
    task_completed = module.benchmark_qa.task_completed_url
  }
}
