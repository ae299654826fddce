# Cloud Run with a PostgreSQL database of its own (Cloud SQL).
#
#   terraform init && terraform apply -target=module.benchmark_qa.google_artifact_registry_repository.images
#   make image, pushed to the repository
#   terraform apply
#
# Terraform asks for what has no default. State holds no secret; keep it in a bucket all the same:
#
#   terraform {
#     backend "gcs" {
#       bucket = "YOUR-STATE-BUCKET"
#       prefix = "benchmark-qa"
#     }
#   }

terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.23, < 8"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

module "benchmark_qa" {
  source = "../.."

  project           = var.project
  region            = var.region
  image             = var.image
  config            = file(var.config_file)
  encord_domain     = var.encord_domain
  secrets_version   = var.secrets_version
  database          = {}
  database_password = var.database_password
  secret_names      = ["ENCORD_SSH_KEY", "ROUTE_SECRET", "SCORE_SECRET", "NOTIFICATION_SECRET"]
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
    route          = module.benchmark_qa.route_url
    score          = module.benchmark_qa.score_url
    task_ready     = module.benchmark_qa.task_ready_url
    task_submitted = module.benchmark_qa.task_submitted_url
    task_completed = module.benchmark_qa.task_completed_url
  }
}
