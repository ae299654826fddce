locals {
  alarms = {
    http-errors = {
      description = "Requests of Encord's end in errors: tasks wait at their agent stage."
      namespace   = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 1, periods = 1
      dimensions  = { FunctionName = aws_lambda_function.this["http"].function_name }
    }
    http-server-errors = {
      description = "The application answers 5xx: Encord cannot be reached, or a setting does not fit the projects."
      namespace   = "AWS/Lambda", metric = "Url5xxCount", statistic = "Sum", threshold = 5, periods = 1
      dimensions  = { FunctionName = aws_lambda_function.this["http"].function_name }
    }
    http-latency = {
      description = "Requests take more than half of the time that Encord waits."
      namespace   = "AWS/Lambda", metric = "Duration", statistic = "p99", threshold = 90000, periods = 3
      dimensions  = { FunctionName = aws_lambda_function.this["http"].function_name }
    }
    http-throttles = {
      description = "Requests are turned away: raise concurrency.requests, or the account's limit."
      namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 1, periods = 1
      dimensions  = { FunctionName = aws_lambda_function.this["http"].function_name }
    }
    jobs-errors = {
      description = "Whole batches of jobs fail."
      namespace   = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 3, periods = 1
      dimensions  = { FunctionName = aws_lambda_function.this["jobs"].function_name }
    }
    jobs-dead = {
      description = "Jobs have been given up. Mend the cause, then start a redrive of the dead-letter queue."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 1, periods = 1
      dimensions  = { QueueName = aws_sqs_queue.dead.name }
    }
    jobs-late = {
      description = "The oldest job has waited for more than an hour: raise concurrency.jobs."
      namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = 3600, periods = 3
      dimensions  = { QueueName = aws_sqs_queue.jobs.name }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  dimensions          = each.value.dimensions
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
