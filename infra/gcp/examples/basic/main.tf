# Cloud Run with a PostgreSQL database of yours, both agent stages on Auto.
#
#   terraform init && terraform apply -target=module.benchmark_qa.google_artifact_registry_repository.images
#   the image built and pushed: make image-push
#   terraform apply
#
# Terraform asks for what has no default. State holds no secret; keep it in a bucket all the same: examples/state.

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

  project               = var.project
  region                = var.region
  name                  = var.name
  image                 = var.image
  config                = file(var.config_file)
  encord_domain         = var.encord_domain
  settings              = var.settings
  resources             = var.resources
  network               = var.network
  migrate               = var.migrate
  deletion_protection   = var.deletion_protection
  notification_channels = var.notification_channels
  scheduled_commands    = var.scheduled_commands
  scheduled_drains      = var.scheduled_drains
  labels                = var.labels

  secrets_version = var.secrets_version
  secret_versions = var.secret_versions
  secret_names    = setunion(["ENCORD_SSH_KEY", "ROUTE_SECRET", "SCORE_SECRET", "NOTIFICATION_SECRET", "DATABASE_URL"], var.more_secret_names)
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
}

output "urls" {
  description = "Paste these into Encord."
  value       = module.benchmark_qa.urls
}

output "repository" {
  description = "Where images are pushed."
  value       = module.benchmark_qa.repository
}
