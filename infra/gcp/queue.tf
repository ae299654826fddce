resource "google_cloud_tasks_queue" "jobs" {
  project  = var.project
  name     = "${var.name}-jobs"
  location = var.region

  rate_limits {
    max_concurrent_dispatches = var.jobs_at_once
    max_dispatches_per_second = 50
  }

  # What fails ten times is dropped; its tasks wait at their stage, and Encord notifies again. An alert tells.
  retry_config {
    max_attempts  = 10
    min_backoff   = "5s"
    max_backoff   = "600s"
    max_doublings = 6
  }

  depends_on = [google_project_service.this]
}

# In whose name deliveries are signed. It may do nothing else.
resource "google_service_account" "jobs" {
  project      = var.project
  account_id   = "${var.name}-jobs"
  display_name = "Benchmark QA: signs deliveries of jobs"
}

# A drain that nobody notified: Cloud Scheduler delivers the job itself, with the same token.
resource "google_cloud_scheduler_job" "drain" {
  for_each = { for drain in var.scheduled_drains : drain.stage_uuid => drain }

  project          = var.project
  region           = var.region
  name             = "${var.name}-drain-${each.key}"
  description      = "Work off the queue of an agent stage"
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${var.job_seconds}s"

  retry_config {
    retry_count = 2
  }

  http_target {
    http_method = "POST"
    uri         = "${local.url}/jobs"
    headers     = { "Content-Type" = "application/json" }
    body = base64encode(jsonencode({
      version      = 1
      kind         = "drain"
      project_hash = each.value.project_hash
      stage_uuid   = each.value.stage_uuid
      data_hashes  = null
      page_token   = null
    }))
    oidc_token {
      service_account_email = google_service_account.jobs.email
      audience              = "${local.url}/jobs"
    }
  }

  depends_on = [google_project_service.this]
}
