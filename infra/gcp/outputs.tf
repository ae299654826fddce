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

output "repository" {
  description = "Where images are pushed."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}
