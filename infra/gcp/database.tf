locals {
  database_name = "benchmark_qa"
  database_user = "benchmark_qa"
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

    ip_configuration {
      ipv4_enabled = true
      ssl_mode     = "ENCRYPTED_ONLY"
    }
  }
}

resource "google_sql_database" "scores" {
  count = var.database == null ? 0 : 1

  project  = var.project
  instance = google_sql_database_instance.scores[0].name
  name     = local.database_name
}

resource "google_sql_user" "service" {
  count = var.database == null ? 0 : 1

  project             = var.project
  instance            = google_sql_database_instance.scores[0].name
  name                = local.database_user
  password_wo         = var.database_password
  password_wo_version = var.secrets_version
}

resource "google_project_iam_member" "cloudsql" {
  count = var.database == null ? 0 : 1

  project = var.project
  role    = "roles/cloudsql.client"
  member  = google_service_account.service.member
}
