locals {
  url = trimsuffix(aws_lambda_function_url.http.function_url, "/")
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
  description = "Answers while the function runs; /readyz beside it says whether it fits its projects."
  value       = "${local.url}/livez"
}

output "secret_name" {
  description = "The secret with the settings that are secrets: a JSON object."
  value       = aws_secretsmanager_secret.settings.name
}

output "queue_url" {
  description = "The jobs."
  value       = aws_sqs_queue.jobs.url
}

output "dead_letter_queue_url" {
  description = "Jobs that have failed five times."
  value       = aws_sqs_queue.dead.url
}
