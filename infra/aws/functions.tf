locals {
  functions = {
    # Behind the URL that Encord calls.
    http = { timeout = var.request_seconds + 10, reserved = var.concurrency.requests }
    # Behind the queue. Its own function, so that nobody who may call the public one can hand in a job.
    jobs = { timeout = var.job_seconds, reserved = -1 }
  }

  environment = merge(
    {
      BENCHMARK_QA_CONFIG  = var.config
      ENCORD_DOMAIN        = var.encord_domain
      REQUEST_SECONDS      = tostring(var.request_seconds)
      DISPATCH             = "queue"
      JOBS_QUEUE           = aws_sqs_queue.jobs.url
      SETTINGS_SECRET_ARN  = aws_secretsmanager_secret.settings.arn
      HOST_TIMEOUT_SECONDS = tostring(var.request_seconds + 10)
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

  # Lambda would make the log group itself, without an end to what it keeps.
  depends_on = [aws_cloudwatch_log_group.function]

  lifecycle {
    precondition {
      condition     = each.key != "jobs" || aws_sqs_queue.jobs.visibility_timeout_seconds >= 2 * each.value.timeout
      error_message = "The queue must hide a job for longer than the job may take."
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

# Provider versions before 6.29 cannot add the condition lambda:InvokedViaFunctionUrl. Without it the function may be
# invoked directly, too, which gains nobody anything: it takes HTTP requests alone, and verifies each.
resource "aws_lambda_permission" "invoke" {
  #checkov:skip=CKV_AWS_301: see above
  statement_id  = "public-url-invoke"
  function_name = aws_lambda_function.this["http"].function_name
  action        = "lambda:InvokeFunction"
  principal     = "*"
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158: logs hold no label content and no secrets; AWS encrypts them with its own key
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
