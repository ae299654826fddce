# The six figures that an operator looks at, on one page.
locals {
  http = aws_lambda_function.this["http"].function_name

  widgets = concat(
    [
      {
        title   = "Calls, and calls answered with an error"
        stat    = "Sum"
        metrics = [["AWS/Lambda", "UrlRequestCount", "FunctionName", local.http], ["AWS/Lambda", "Url4xxCount", "FunctionName", local.http], ["AWS/Lambda", "Url5xxCount", "FunctionName", local.http]]
      },
      {
        title   = "Time of a call (ms): Encord waits 180 s"
        stat    = "p99"
        metrics = [["AWS/Lambda", "Duration", "FunctionName", local.http, { stat = "p50" }], ["AWS/Lambda", "Duration", "FunctionName", local.http]]
      },
      {
        title   = "Scores not recorded, tasks held"
        stat    = "Sum"
        metrics = [[var.name, "score_unrecorded"], [var.name, "task_held"]]
      },
      {
        title   = "Calls with a refused signature"
        stat    = "Sum"
        metrics = [[var.name, "signature_refused"]]
      },
      {
        title   = "Jobs: waiting, given up, age of the oldest (s)"
        stat    = "Maximum"
        metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.jobs.name], ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.dead.name], ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", aws_sqs_queue.jobs.name, { yAxis = "right" }]]
      },
    ],
    [for database in aws_db_instance.scores : {
      title   = "Database: connections, processor (%)"
      stat    = "Maximum"
      metrics = [["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", database.identifier], ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", database.identifier, { yAxis = "right" }]]
    }],
    [for none in var.database == null ? ["none"] : [] : {
      title   = "Instances at one time"
      stat    = "Maximum"
      metrics = [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", local.http]]
    }],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for number, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (number % 2)
        y      = 6 * floor(number / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = data.aws_region.this.name
          view    = "timeSeries"
          period  = 300
          stat    = widget.stat
          metrics = widget.metrics
        }
      }
    ]
  })
}
