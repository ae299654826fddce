locals {
  database_name = "benchmark_qa"
  database_user = "benchmark_qa"
  # Two users take turns: with the number of the secret DATABASE_URL the service moves to the other, whose password the
  # migration has just set, while instances that still run go on with theirs. Neither owns a table.
  database_number = lookup(var.secret_versions, "DATABASE_URL", var.secrets_version)
  service_user    = try(var.database.service_user, false) ? "benchmark_qa_${local.database_number % 2 == 0 ? "a" : "b"}" : local.database_user
  # The connector encrypts, and verifies the instance by its own certificate authority.
  database_at = var.database == null ? null : "@/${local.database_name}?host=/cloudsql/${google_sql_database_instance.scores[0].connection_name}"

  # While two revisions run side by side there are twice as many instances; three connections are PostgreSQL's own, and
  # two are left for the migration and for a command.
  connections_wanted = 2 * var.resources.max_instances * var.database_pool
  connections_there  = var.database == null ? 0 : var.database.max_connections - 5
}

resource "google_sql_database_instance" "scores" {
  #checkov:skip=CKV_GCP_60: no public network is authorised; Cloud Run comes through the connector
  #checkov:skip=CKV_GCP_55: logs would hold statements about people
  #checkov:skip=CKV_GCP_6: `ssl_mode` says the same in the newer way
  #checkov:skip=CKV_GCP_51: checkpoints are Google's concern
  #checkov:skip=CKV_GCP_52: the service is the only client; its connections are in its own log
  #checkov:skip=CKV_GCP_53: the same
  #checkov:skip=CKV_GCP_54: transactions are short; an alert on latency tells of locks
  #checkov:skip=CKV_GCP_108: the only client comes through the connector
  #checkov:skip=CKV_GCP_111: statements are about people
  #checkov:skip=CKV_GCP_110: query auditing would write people's scores to a log
  #checkov:skip=CKV_GCP_109: the default level
  #checkov:skip=CKV2_GCP_13: the default is a good one
  #checkov:skip=CKV_GCP_79: version 17
  count = var.database == null ? 0 : 1

  project             = var.project
  name                = "${var.name}-scores"
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.database.deletion_protection

  settings {
    tier              = var.database.tier
    edition           = "ENTERPRISE"
    availability_type = var.database.high_availability ? "REGIONAL" : "ZONAL"

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }

    database_flags {
      name  = "max_connections"
      value = tostring(var.database.max_connections)
    }

    ip_configuration {
      ipv4_enabled    = var.network == null
      private_network = var.network == null ? null : var.network.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    deletion_protection_enabled = var.database.deletion_protection
    user_labels                 = var.labels
  }

  # On a new project the API has to be there first.
  depends_on = [google_project_service.this, google_service_networking_connection.database]
}

# Where Google's own network, which the instance is in, meets yours.
resource "google_compute_global_address" "database" {
  count = var.database != null && try(var.network.peering, false) ? 1 : 0

  project       = var.project
  name          = "${var.name}-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = var.network.network
  depends_on    = [google_project_service.this]
}

resource "google_service_networking_connection" "database" {
  count = var.database != null && try(var.network.peering, false) ? 1 : 0

  network                 = var.network.network
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database[0].name]
}

resource "google_sql_database" "scores" {
  count = var.database == null ? 0 : 1

  project  = var.project
  instance = google_sql_database_instance.scores[0].name
  name     = local.database_name

  # They go with the instance; alone, what belongs to a user keeps PostgreSQL from deleting either.
  deletion_policy = "ABANDON"
}

# Owns the tables; the migration alone signs in as it.
resource "google_sql_user" "owner" {
  count = var.database == null ? 0 : 1

  project             = var.project
  instance            = google_sql_database_instance.scores[0].name
  name                = local.database_user
  password_wo         = var.database_password
  password_wo_version = local.database_number
  deletion_policy     = "ABANDON"
}

# Google gives this role by the project only; the condition narrows it to the one instance.
resource "google_project_iam_member" "cloudsql" {
  for_each = var.database == null ? {} : {
    service   = google_service_account.service.member
    migration = google_service_account.migration.member
  }

  project = var.project
  role    = "roles/cloudsql.client"
  member  = each.value

  condition {
    title      = "${var.name}-scores alone"
    expression = "resource.type == \"sqladmin.googleapis.com/Instance\" && resource.name == \"projects/${var.project}/instances/${google_sql_database_instance.scores[0].name}\""
  }
}
