resource "google_secret_manager_secret" "settings" {
  for_each = setunion(var.secret_names, var.database == null ? [] : ["DATABASE_URL"])

  project   = var.project
  secret_id = "${var.name}-${lower(replace(each.key, "_", "-"))}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.this]
}

# Write-only: the values go to Secret Manager and are kept neither in the state nor in a plan.
resource "google_secret_manager_secret_version" "settings" {
  for_each = google_secret_manager_secret.settings

  secret                 = each.value.id
  secret_data_wo_version = var.secrets_version
  secret_data_wo = (
    each.key == "DATABASE_URL" && var.database != null
    ? "postgresql+psycopg://${local.database_user}:${var.database_password}@/${local.database_name}?host=/cloudsql/${google_sql_database_instance.scores[0].connection_name}"
    : var.secrets[each.key]
  )
}

resource "google_service_account" "service" {
  project      = var.project
  account_id   = var.name
  display_name = "Benchmark QA: the service"
}

resource "google_secret_manager_secret_iam_member" "service" {
  for_each = google_secret_manager_secret.settings

  project   = var.project
  secret_id = each.value.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.service.member
}

resource "google_cloud_tasks_queue_iam_member" "submit" {
  project  = var.project
  location = var.region
  name     = google_cloud_tasks_queue.jobs.name
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.service.member
}

# Who submits a job has it signed in the other account's name.
resource "google_service_account_iam_member" "sign_as_jobs" {
  service_account_id = google_service_account.jobs.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.service.member
}
