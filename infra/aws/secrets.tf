resource "aws_secretsmanager_secret" "settings" {
  #checkov:skip=CKV_AWS_149: AWS encrypts with the account's own key; a customer key adds cost and a way to lock oneself out
  #checkov:skip=CKV2_AWS_57: the secrets are Encord's, which rotates them by hand: docs/deploy-secrets.md
  name                    = "${var.name}-settings"
  description             = "Settings of the benchmark QA service that are secrets, as a JSON object"
  recovery_window_in_days = 7
  tags                    = var.tags
}

locals {
  # Write-only values are written when their number changes; a document that travels with them changes it, too.
  settings_version = !local.config_in_secret ? var.secrets_version : parseint(substr(sha256("${var.secrets_version}/${var.config}"), 0, 12), 16)
}

# Write-only: the values go to Secrets Manager and are kept neither in the state nor in a plan.
resource "aws_secretsmanager_secret_version" "settings" {
  secret_id                = aws_secretsmanager_secret.settings.id
  secret_string_wo_version = local.settings_version
  secret_string_wo = jsonencode(merge(
    { for name, value in var.secrets : name => value if name != "MIGRATION_DATABASE_URL" },
    local.config_in_secret ? { BENCHMARK_QA_CONFIG = var.config } : {},
    var.database == null ? {} : {
      DATABASE_URL = "postgresql+psycopg://${local.service_user}:${var.database_password}@${local.database_at}"
    },
  ))

  # The user that it names exists once the migration has made it.
  depends_on = [aws_lambda_invocation.migration]
}
