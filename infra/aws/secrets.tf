resource "aws_secretsmanager_secret" "settings" {
  #checkov:skip=CKV_AWS_149: AWS encrypts with the account's own key; a customer key adds cost and a way to lock oneself out
  #checkov:skip=CKV2_AWS_57: the secrets are Encord's, which rotates them by hand: docs/deploy-secrets.md
  name                    = "${var.name}-settings"
  description             = "Settings of the benchmark QA service that are secrets, as a JSON object"
  recovery_window_in_days = 7
  tags                    = var.tags
}

# Write-only: the values go to Secrets Manager and are kept neither in the state nor in a plan.
resource "aws_secretsmanager_secret_version" "settings" {
  secret_id                = aws_secretsmanager_secret.settings.id
  secret_string_wo_version = var.secrets_version
  secret_string_wo = jsonencode(merge(
    var.secrets,
    var.database == null ? {} : {
      DATABASE_URL = "postgresql+psycopg://${local.database_user}:${var.database_password}@${aws_db_instance.scores[0].endpoint}/${local.database_name}?sslmode=require"
    },
  ))
}
