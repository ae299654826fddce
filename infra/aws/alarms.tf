locals {
  # Fields `event` of the service's JSON log lines, counted in both functions' logs.
  log_events = {
    score_unrecorded = {
      threshold   = 1
      description = "Scores are computed and not recorded: the database cannot be reached, or its tables are behind. Their tasks wait, and are scored again."
    }
    task_held = {
      threshold   = 1
      description = "Tasks are held at their agent stage because they cannot be decided. The log names them; then `benchmark-qa evaluate` or `route`."
    }
    signature_refused = {
      threshold   = 20
      description = "Calls with a wrong signature: somebody tries, or Encord signs with another secret than the service has."
    }
  }
  logged = { for pair in setproduct(keys(local.functions), keys(local.log_events)) : "${pair[0]}-${pair[1]}" => { function = pair[0], event = pair[1] } }

  event_alarms = {
    for event, alarm in local.log_events : replace(event, "_", "-") => {
      description = alarm.description
      namespace   = var.name, metric = event, statistic = "Sum", threshold = alarm.threshold, periods = 1
      dimensions  = {}, above = true
    }
  }

  database_alarms = var.database == null ? {} : {
    database-storage = {
      description = "Less than a tenth of the database's storage is free: raise database.storage_gb."
      namespace   = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum", threshold = var.database.storage_gb * 107374182, periods = 1
      dimensions  = { DBInstanceIdentifier = aws_db_instance.scores[0].identifier }, above = false
    }
    database-connections = {
      description = "More than four fifths of the database's connections are in use: fewer instances, or a larger database.max_connections."
      namespace   = "AWS/RDS", metric = "DatabaseConnections", statistic = "Maximum", threshold = floor(var.database.max_connections * 0.8), periods = 2
      dimensions  = { DBInstanceIdentifier = aws_db_instance.scores[0].identifier }, above = true
    }
    database-processor = {
      description = "The database's processor is busy for a quarter of an hour: a larger database.instance_class."
      namespace   = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", threshold = 90, periods = 3
      dimensions  = { DBInstanceIdentifier = aws_db_instance.scores[0].identifier }, above = true
    }
  }

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
      description = "Jobs have been given up. Mend the cause, then infra/aws/redrive.sh."
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

resource "aws_cloudwatch_log_metric_filter" "event" {
  for_each = local.logged

  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.function[each.value.function].name
  pattern        = "{ $.event = \"${each.value.event}\" }"

  metric_transformation {
    namespace = var.name
    name      = each.value.event
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge(local.alarms, local.event_alarms, local.database_alarms)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  dimensions          = each.value.dimensions
  comparison_operator = lookup(each.value, "above", true) ? "GreaterThanOrEqualToThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
