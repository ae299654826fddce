output "urls" {
  description = "Every address of the service. Encord takes the first five; TOKEN is ROUTE_EDITOR_TOKEN or SCORE_EDITOR_TOKEN, PROJECT the production project's hash."
  value = {
    route          = "${local.url}/agents/route"
    score          = "${local.url}/agents/score"
    task_ready     = "${local.url}/notifications/task-ready"
    task_submitted = "${local.url}/events/task-submitted"
    task_completed = "${local.url}/events/task-completed"
    route_editor   = "${local.url}/agents/route/TOKEN"
    score_editor   = "${local.url}/agents/score/TOKEN"
    report         = "${local.url}/reports/PROJECT"
    # Google's front end answers paths that end in z itself: /healthz and /readyz are seen inside an instance only.
    health  = "${local.url}/version"
    version = "${local.url}/version"
    metrics = "${local.url}/metrics"
    jobs    = "${local.url}/jobs"
  }
}

output "route_url" {
  description = "Encord, agent stage that routes (Auto): custom agent URL. Its signing secret is ROUTE_SECRET."
  value       = "${local.url}/agents/route"
}

output "score_url" {
  description = "Encord, agent stage that scores (Auto): custom agent URL. Its signing secret is SCORE_SECRET."
  value       = "${local.url}/agents/score"
}

output "task_ready_url" {
  description = "Encord, agent stage on Advanced: webhook URL of its task-ready notifications. NOTIFICATION_SECRET."
  value       = "${local.url}/notifications/task-ready"
}

output "task_submitted_url" {
  description = "Encord, Annotate stage: webhook URL for submitted tasks. TASK_SUBMITTED_SECRET."
  value       = "${local.url}/events/task-submitted"
}

output "task_completed_url" {
  description = "Encord, Complete stage: webhook URL for completed tasks. TASK_COMPLETED_SECRET."
  value       = "${local.url}/events/task-completed"
}

output "health_url" {
  description = "Answers while the service runs; /readyz beside it says whether it fits its projects."
  value       = "${local.url}/livez"
}

output "migration_job" {
  description = "The job that brings the tables up to date."
  value       = google_cloud_run_v2_job.migration.name
}

output "repository" {
  description = "Where images are pushed."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}
