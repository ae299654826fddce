locals {
  # The project's number is in the URL that Cloud Run gives a service, so the service can be told its own address.
  url = "https://${var.name}-${data.google_project.this.number}.${var.region}.run.app"

  environment = merge(
    {
      BENCHMARK_QA_CONFIG  = var.config
      ENCORD_DOMAIN        = var.encord_domain
      DISPATCH             = "queue"
      JOBS_QUEUE           = "projects/${var.project}/locations/${var.region}/queues/${google_cloud_tasks_queue.jobs.name}"
      JOBS_URL             = "${local.url}/jobs"
      JOBS_SERVICE_ACCOUNT = google_service_account.jobs.email
      HOST_TIMEOUT_SECONDS = tostring(var.job_seconds)
      DATABASE_CONNECTIONS = tostring(var.database_pool)
    },
    var.settings,
  )

  # What a command on a schedule needs of it.
  environment_of_commands = {
    for name, value in local.environment : name => value
    if contains(["BENCHMARK_QA_CONFIG", "ENCORD_DOMAIN", "DATABASE_CONNECTIONS", "LOG_LEVEL"], name)
  }
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "this" {
  for_each = toset(concat(
    [
      "run.googleapis.com", "cloudtasks.googleapis.com", "secretmanager.googleapis.com", "logging.googleapis.com",
      "artifactregistry.googleapis.com", "monitoring.googleapis.com", "cloudscheduler.googleapis.com", "iam.googleapis.com",
    ],
    # Cloud Run's connector asks it, too, where an instance is that its revision names.
    var.database == null ? [] : ["sqladmin.googleapis.com"],
    var.network == null ? [] : ["compute.googleapis.com", "servicenetworking.googleapis.com"],
  ))

  project            = var.project
  service            = each.key
  disable_on_destroy = false
}

resource "google_cloud_run_v2_service" "this" {
  project             = var.project
  name                = var.name
  location            = var.region
  description         = "Benchmark QA for Encord"
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = var.deletion_protection
  labels              = var.labels

  template {
    labels                           = var.labels
    service_account                  = google_service_account.service.email
    timeout                          = "${var.job_seconds}s"
    max_instance_request_concurrency = 40
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"

    scaling {
      min_instance_count = var.resources.min_instances
      max_instance_count = var.resources.max_instances
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = var.resources.cpu, memory = var.resources.memory }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.service_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.settings[env.key].secret_id
              version = google_secret_manager_secret_version.settings[env.key].version
            }
          }
        }
      }

      # Google looks inside the instance. From outside its front end keeps paths that end in z to itself.
      startup_probe {
        period_seconds    = 2
        failure_threshold = 30
        http_get {
          path = var.probes.startup
        }
      }

      liveness_probe {
        period_seconds = 30
        http_get {
          path = var.probes.liveness
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

  # The tables come before the new revision.
  depends_on = [
    google_project_service.this, google_secret_manager_secret_iam_member.service, google_project_iam_member.cloudsql,
    terraform_data.migration,
  ]

  lifecycle {
    precondition {
      condition = var.database == null || local.connections_wanted <= local.connections_there
      error_message = join(" ", [
        "resources.max_instances: ${var.resources.max_instances} instances with ${var.database_pool} connections each, twice as many while two",
        "revisions run side by side, are ${local.connections_wanted}; the database has room for ${local.connections_there}:",
        "fewer instances, or a larger database.max_connections (and tier).",
      ])
    }
  }
}

# Encord signs its requests and cannot sign in to Google: everybody may call, and the application verifies every
# request; deliveries of Cloud Tasks by their token.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  #checkov:skip=CKV_GCP_102: Encord cannot sign in to Google; the application verifies its signature
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84: Google encrypts with its own key; the image holds no secret
  project       = var.project
  location      = var.region
  repository_id = var.name
  description   = "Images of the benchmark QA service"
  format        = "DOCKER"
  labels        = var.labels

  docker_config {
    immutable_tags = true
  }

  depends_on = [google_project_service.this]
}
