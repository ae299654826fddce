locals {
  url = trimsuffix(aws_lambda_function_url.http.function_url, "/")
}

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
    health         = "${local.url}/healthz"
    ready          = "${local.url}/readyz"
    version        = "${local.url}/version"
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
  description = "Answers while the function runs; /readyz beside it says whether it fits its projects."
  value       = "${local.url}/livez"
}

output "secret_name" {
  description = "The secret with the settings that are secrets: a JSON object."
  value       = aws_secretsmanager_secret.settings.name
}

output "migration_secret_name" {
  description = "The secret that the migration alone reads: DATABASE_URL of the tables' owner."
  value       = aws_secretsmanager_secret.migration.name
}

output "schema" {
  description = "What the migration has said of the tables."
  value       = try(jsondecode(aws_lambda_invocation.migration[0].result).schema, null)
}

output "dashboard" {
  description = "Name of the dashboard in CloudWatch."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "queue_url" {
  description = "The jobs."
  value       = aws_sqs_queue.jobs.url
}

output "dead_letter_queue_url" {
  description = "Jobs that have failed five times."
  value       = aws_sqs_queue.dead.url
}
