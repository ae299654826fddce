# Commands of `benchmark-qa` on a schedule, as jobs from the image that the service runs.
resource "google_cloud_run_v2_job" "command" {
  for_each = var.scheduled_commands

  project             = var.project
  name                = "${var.name}-${each.key}"
  location            = var.region
  deletion_protection = false
  labels              = var.labels

  template {
    template {
      service_account = google_service_account.service.email
      timeout         = "14400s"
      max_retries     = 1

      containers {
        image   = var.image
        command = ["python3", "-m", "benchmark_qa"]
        args    = [each.key]

        resources {
          limits = { cpu = var.resources.cpu, memory = var.resources.memory }
        }

        dynamic "env" {
          for_each = local.environment_of_commands
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = setintersection(local.service_secrets, ["ENCORD_SSH_KEY", "DATABASE_URL"])
          content {
            name = env.value
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

  depends_on = [google_project_service.this, google_secret_manager_secret_iam_member.service, terraform_data.migration]
}

# Starts the jobs, and may do nothing else.
resource "google_service_account" "scheduler" {
  count = length(var.scheduled_commands) > 0 ? 1 : 0

  project      = var.project
  account_id   = "${var.name}-schedule"
  display_name = "Benchmark QA: starts commands on a schedule"
  depends_on   = [google_project_service.this]
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  for_each = google_cloud_run_v2_job.command

  project  = var.project
  location = var.region
  name     = each.value.name
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler[0].member
}

resource "google_cloud_scheduler_job" "command" {
  for_each = var.scheduled_commands

  project     = var.project
  region      = var.region
  name        = "${var.name}-${each.key}"
  description = "benchmark-qa ${each.key}"
  schedule    = each.value
  time_zone   = "Etc/UTC"

  retry_config {
    retry_count = 2
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.command[each.key].id}:run"
    oauth_token {
      service_account_email = google_service_account.scheduler[0].email
    }
  }

  depends_on = [google_project_service.this]
}
