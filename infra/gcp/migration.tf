# `benchmark-qa db upgrade` as a job inside the project: the only one that knows the tables' owner.
resource "google_service_account" "migration" {
  project      = var.project
  account_id   = "${var.name}-migrate"
  display_name = "Benchmark QA: db upgrade"
  depends_on   = [google_project_service.this]
}

resource "google_secret_manager_secret_iam_member" "migration" {
  for_each = toset(values(local.migration_secrets))

  project   = var.project
  secret_id = google_secret_manager_secret.settings[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.migration.member
}

resource "google_cloud_run_v2_job" "migration" {
  project             = var.project
  name                = "${var.name}-migrate"
  location            = var.region
  deletion_protection = false
  labels              = var.labels

  template {
    template {
      service_account = google_service_account.migration.email
      timeout         = "1800s"
      max_retries     = 1

      containers {
        image   = var.image
        command = ["python3", "-m", "benchmark_qa"]
        args    = ["db", "upgrade"]

        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }

        dynamic "env" {
          for_each = local.migration_secrets
          content {
            name = env.key
            value_source {
              secret_key_ref {
                secret  = google_secret_manager_secret.settings[env.value].secret_id
                version = google_secret_manager_secret_version.settings[env.value].version
              }
            }
          }
        }

        dynamic "volume_mounts" {
          for_each = var.database == null ? [] : ["cloudsql"]
          content {
            name       = volume_mounts.value
            mount_path = "/cloudsql"
          }
        }
      }

      dynamic "vpc_access" {
        for_each = var.network == null ? [] : [var.network]
        content {
          egress = "PRIVATE_RANGES_ONLY"
          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }

      dynamic "volumes" {
        for_each = google_sql_database_instance.scores
        content {
          name = "cloudsql"
          cloud_sql_instance {
            instances = [volumes.value.connection_name]
          }
        }
      }
    }
  }

  depends_on = [
    google_project_service.this, google_secret_manager_secret_iam_member.migration, google_project_iam_member.cloudsql,
    google_sql_user.owner, google_sql_database.scores,
  ]
}

# `apply` waits for the job, and stops here when it fails: the revision before goes on taking calls. The provider cannot
# run a job, so this needs `gcloud`, signed in, where Terraform runs.
resource "terraform_data" "migration" {
  count = var.migrate ? 1 : 0

  triggers_replace = [var.image, local.database_number]

  provisioner "local-exec" {
    command = "gcloud run jobs execute ${google_cloud_run_v2_job.migration.name} --project=${var.project} --region=${var.region} --wait"
  }
}
