locals {
  # What the service reads; the tables' owner is the migration's alone.
  service_secrets = setunion(setsubtract(var.secret_names, ["MIGRATION_DATABASE_URL"]), var.database == null ? [] : ["DATABASE_URL"])
  # What the migration reads, by the name under which it is handed over.
  migration_secrets = merge(
    var.database != null || contains(var.secret_names, "MIGRATION_DATABASE_URL")
    ? { DATABASE_URL = "MIGRATION_DATABASE_URL" } : contains(var.secret_names, "DATABASE_URL") ? { DATABASE_URL = "DATABASE_URL" } : {},
    try(var.database.service_user, false) ? { SERVICE_DATABASE_URL = "DATABASE_URL" } : {},
  )
  secret_names = setunion(local.service_secrets, values(local.migration_secrets))
}

resource "google_secret_manager_secret" "settings" {
  for_each = local.secret_names

  project   = var.project
  secret_id = "${var.name}-${lower(replace(each.key, "_", "-"))}"
  labels    = var.labels

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.this]
}

# Write-only: the values go to Secret Manager and are kept neither in the state nor in a plan. A former version stays: the
# revision that is pinned to it starts instances until the new one has taken over, and again after a rollback.
resource "google_secret_manager_secret_version" "settings" {
  for_each = google_secret_manager_secret.settings

  secret                 = each.value.id
  secret_data_wo_version = lookup(var.secret_versions, each.key, each.key == "MIGRATION_DATABASE_URL" ? local.database_number : var.secrets_version)
  secret_data_wo = (
    var.database == null ? var.secrets[each.key]
    : each.key == "DATABASE_URL" ? "postgresql+psycopg://${local.service_user}:${var.database_password}${local.database_at}"
    : each.key == "MIGRATION_DATABASE_URL" ? "postgresql+psycopg://${local.database_user}:${var.database_password}${local.database_at}"
    : var.secrets[each.key]
  )
  deletion_policy = "ABANDON"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_service_account" "service" {
  project      = var.project
  account_id   = var.name
  display_name = "Benchmark QA: the service"
}

resource "google_secret_manager_secret_iam_member" "service" {
  for_each = local.service_secrets

  project   = var.project
  secret_id = google_secret_manager_secret.settings[each.key].secret_id
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
