# `benchmark-qa db upgrade` inside the network, as a function of its own: the only one that knows the tables' owner.
locals {
  migration_name = "${var.name}-migrate"
}

resource "aws_secretsmanager_secret" "migration" {
  #checkov:skip=CKV_AWS_149: AWS encrypts with the account's own key
  #checkov:skip=CKV2_AWS_57: it changes with secrets_version, together with the password itself
  name                    = "${var.name}-migration"
  description             = "DATABASE_URL of the tables' owner, and SERVICE_DATABASE_URL of the user to make, as a JSON object"
  recovery_window_in_days = 7
  tags                    = var.tags
}

# Write-only, as the service's own secret.
resource "aws_secretsmanager_secret_version" "migration" {
  secret_id                = aws_secretsmanager_secret.migration.id
  secret_string_wo_version = var.secrets_version
  secret_string_wo = jsonencode(merge(
    {
      DATABASE_URL = (
        var.database == null
        ? lookup(var.secrets, "MIGRATION_DATABASE_URL", lookup(var.secrets, "DATABASE_URL", "none"))
        : "postgresql+psycopg://${local.database_user}:${var.database_password}@${local.database_at}"
      )
    },
    local.makes_service_user ? {
      SERVICE_DATABASE_URL = "postgresql+psycopg://${local.service_user}:${var.database_password}@${local.database_at}"
    } : {},
  ))
}

locals {
  makes_service_user = var.database != null && try(var.database.service_user, false)
}

resource "aws_lambda_function" "migration" {
  #checkov:skip=CKV_AWS_272: code signing is the pipeline's choice; the package is built from hashed locks
  #checkov:skip=CKV_AWS_116: it is invoked by `apply` alone, which waits for the answer
  #checkov:skip=CKV_AWS_117: a VPC is needed only for a private database: `network`
  #checkov:skip=CKV_AWS_173: the environment holds no secret, only the ARN of one
  #checkov:skip=CKV_AWS_115: one invocation by one `apply`; what comes twice waits for the other's lock
  function_name = local.migration_name
  description   = "Benchmark QA for Encord: db upgrade"
  role          = aws_iam_role.migration.arn
  architectures = [var.architecture]

  package_type     = var.package.zip == null ? "Image" : "Zip"
  image_uri        = var.package.image_uri
  filename         = var.package.zip
  source_code_hash = var.package.zip == null ? null : filebase64sha256(var.package.zip)
  runtime          = var.package.zip == null ? null : "python3.13"
  handler          = var.package.zip == null ? null : "benchmark_qa.service.aws_lambda.migrate"

  memory_size = 1024
  timeout     = 900

  environment {
    variables = { SETTINGS_SECRET_ARN = aws_secretsmanager_secret.migration.arn }
  }

  dynamic "image_config" {
    for_each = var.package.image_uri == null ? [] : ["benchmark_qa.service.aws_lambda.migrate"]
    content {
      command = [image_config.value]
    }
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = [aws_security_group.functions[0].id]
    }
  }

  tracing_config {
    mode = "Active"
  }

  tags       = var.tags
  depends_on = [aws_cloudwatch_log_group.migration, aws_iam_role_policy.migration]
}

# `apply` waits for it, and stops here when it fails: the version before goes on taking calls.
resource "aws_lambda_invocation" "migration" {
  count = var.migrate ? 1 : 0

  function_name = aws_lambda_function.migration.function_name
  input         = jsonencode({ run = "db upgrade" })
  triggers = {
    package = coalesce(var.package.image_uri, try(filebase64sha256(var.package.zip), "none"))
    secrets = tostring(var.secrets_version)
  }

  depends_on = [
    aws_secretsmanager_secret_version.migration,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.database,
    aws_vpc_security_group_ingress_rule.functions,
  ]

  lifecycle {
    postcondition {
      condition     = can(jsondecode(self.result).schema)
      error_message = "The migration has not said which schema the tables have: ${self.result}"
    }
    postcondition {
      condition     = !local.makes_service_user || try(jsondecode(self.result).service_user, null) == local.service_user
      error_message = "The migration has not made the user ${coalesce(local.service_user, "of the service")}: this package may be too old for it; set database.service_user = false."
    }
  }
}

resource "aws_cloudwatch_log_group" "migration" {
  #checkov:skip=CKV_AWS_158: logs hold no label content and no secrets; AWS encrypts them with its own key
  name              = "/aws/lambda/${local.migration_name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_iam_role" "migration" {
  name = local.migration_name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "migration" {
  #checkov:skip=CKV_AWS_355: X-Ray and network interfaces take no resource
  #checkov:skip=CKV_AWS_290: X-Ray and network interfaces take no resource
  name = "function"
  role = aws_iam_role.migration.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Logs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.migration.arn}:*"
        },
        {
          Sid      = "Owner"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = aws_secretsmanager_secret.migration.arn
        },
      ],
      local.statements_of_host,
    )
  })
}
