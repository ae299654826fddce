locals {
  functions = {
    # Behind the URL that Encord calls.
    http = { timeout = var.request_seconds + 10, reserved = var.concurrency.requests }
    # Behind the queue. Its own function, so that nobody who may call the public one can hand in a job.
    jobs = { timeout = var.job_seconds, reserved = -1 }
  }

  # Lambda's environment holds 4 KB in all; a longer document travels with the secrets, which may be 64 KB.
  config_bytes     = floor(length(base64encode(var.config)) * 3 / 4)
  config_in_secret = local.config_bytes > 3000

  environment = merge(
    local.config_in_secret ? {} : { BENCHMARK_QA_CONFIG = var.config },
    {
      ENCORD_DOMAIN        = var.encord_domain
      REQUEST_SECONDS      = tostring(var.request_seconds)
      DISPATCH             = "queue"
      JOBS_QUEUE           = aws_sqs_queue.jobs.url
      SETTINGS_SECRET_ARN  = aws_secretsmanager_secret.settings.arn
      HOST_TIMEOUT_SECONDS = tostring(var.request_seconds + 10)
      DATABASE_CONNECTIONS = tostring(var.database_pool)
      # Nobody reads it: a changed environment has Lambda start every instance anew, with the new secrets.
      SETTINGS_SECRET_VERSION = aws_secretsmanager_secret_version.settings.version_id
    },
    var.settings,
  )
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_272: code signing is the pipeline's choice; the package is built from hashed locks
  #checkov:skip=CKV_AWS_116: asynchronous invocation is not used; jobs have their queue's dead-letter queue
  #checkov:skip=CKV_AWS_117: a VPC is needed only for a private database: `network`
  #checkov:skip=CKV_AWS_173: the environment holds no secret, only the ARN of one
  #checkov:skip=CKV_AWS_115: reserved by `concurrency.requests`; jobs are bounded by their event source mapping
  for_each = local.functions

  function_name = "${var.name}-${each.key}"
  description   = "Benchmark QA for Encord: ${each.key}"
  role          = aws_iam_role.function[each.key].arn
  architectures = [var.architecture]

  package_type     = var.package.zip == null ? "Image" : "Zip"
  image_uri        = var.package.image_uri
  filename         = var.package.zip
  source_code_hash = var.package.zip == null ? null : filebase64sha256(var.package.zip)
  runtime          = var.package.zip == null ? null : "python3.13"
  handler          = var.package.zip == null ? null : "benchmark_qa.service.aws_lambda.${each.key}"

  memory_size                    = var.memory_mb
  timeout                        = each.value.timeout
  reserved_concurrent_executions = each.value.reserved

  environment {
    variables = local.environment
  }

  dynamic "image_config" {
    for_each = var.package.image_uri == null ? [] : [each.key]
    content {
      command = ["benchmark_qa.service.aws_lambda.${image_config.value}"]
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

  tags = var.tags

  # Lambda would make the log group itself, without an end to what it keeps. The tables come before the new version.
  depends_on = [aws_cloudwatch_log_group.function, aws_lambda_invocation.migration]

  lifecycle {
    precondition {
      condition     = each.key != "jobs" || aws_sqs_queue.jobs.visibility_timeout_seconds >= 2 * each.value.timeout
      error_message = "The queue must hide a job for longer than the job may take."
    }
    precondition {
      condition     = var.database == null || var.concurrency.requests > 0
      error_message = "concurrency.requests: say how many instances there may be; the created database has room for database.max_connections connections."
    }
    precondition {
      condition = var.database == null || local.connections_wanted <= local.connections_there
      error_message = join(" ", [
        "concurrency: ${var.concurrency.requests} + ${var.concurrency.jobs} instances with ${var.database_pool} connections each,",
        "twice as many while two versions run side by side, are ${local.connections_wanted};",
        "the database has room for ${local.connections_there}: fewer instances, or a larger database.max_connections (and instance_class).",
      ])
    }
  }
}

# Encord signs its requests and cannot sign in to AWS: the URL is public, and the application verifies every request.
# The application answers CORS itself: a function URL's own settings take no pattern.
resource "aws_lambda_function_url" "http" {
  #checkov:skip=CKV_AWS_258: Encord cannot sign in to AWS; the application verifies its signature
  function_name      = aws_lambda_function.this["http"].function_name
  authorization_type = "NONE"
}

# Function URLs need both permissions since October 2025. Their ids are not those that the URL's own resource takes.
resource "aws_lambda_permission" "url" {
  #checkov:skip=CKV_AWS_301: see the function URL
  statement_id           = "public-url"
  function_name          = aws_lambda_function.this["http"].function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

# Without the condition "through the URL" everybody with an AWS account might invoke the function past its URL. The
# provider knows the condition since 6.29 only, CloudFormation knows it for all of them.
resource "aws_cloudformation_stack" "invoke_through_url" {
  #checkov:skip=CKV_AWS_124: one permission; nobody waits for the stack's events
  name = "${var.name}-url-permission"
  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          FunctionName          = aws_lambda_function.this["http"].function_name
          Action                = "lambda:InvokeFunction"
          Principal             = "*"
          InvokedViaFunctionUrl = true
        }
      }
    }
  })
  tags = var.tags
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158: logs hold no label content and no secrets; AWS encrypts them with its own key
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
