# The container image, with a PostgreSQL database in private subnets of yours (which need a NAT gateway).
#
#   make image, pushed to ECR
#   terraform init && terraform apply

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

  package           = { image_uri = var.image_uri }
  architecture      = "arm64"
  config            = file(var.config_file)
  network           = { vpc_id = var.vpc_id, subnet_ids = var.subnet_ids }
  database          = { deletion_protection = var.deletion_protection }
  database_password = var.database_password
  alarm_topic_arns  = var.alarm_topic_arns
  concurrency       = { requests = 20, jobs = 50 }

  secrets = {
    ENCORD_SSH_KEY      = var.ssh_key
    ROUTE_SECRET        = var.route_secret
    SCORE_SECRET        = var.score_secret
    NOTIFICATION_SECRET = var.notification_secret
  }
}

output "urls" {
  description = "Paste these into Encord."
  value = {
    route      = module.benchmark_qa.route_url
    score      = module.benchmark_qa.score_url
    task_ready = module.benchmark_qa.task_ready_url
  }
}
