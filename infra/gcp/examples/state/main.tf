# A bucket for Terraform's state, made once, before everything else. Its own state is a file: keep it, or import the bucket.
#
#   terraform init && terraform apply -var project=YOUR-PROJECT -var bucket=YOUR-STATE-BUCKET
#
# Then in the example that you take, and once more `terraform init`:
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
}

variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket; unique in all of Google Cloud."
  type        = string
}

variable "location" {
  description = "Where it is."
  type        = string
  default     = "europe-west1"
}

resource "google_storage_bucket" "state" {
  #checkov:skip=CKV_GCP_62: the project's audit log says who has read it
  name                        = var.bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      num_newer_versions = 20
    }
    action {
      type = "Delete"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}
