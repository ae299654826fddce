# A drain that nobody notified: the job goes onto the queue like any other.
resource "aws_scheduler_schedule" "drain" {
  #checkov:skip=CKV_AWS_297: the message holds two hashes; AWS encrypts it with its own key
  for_each = { for drain in var.scheduled_drains : drain.stage_uuid => drain }

  name                = "${var.name}-drain-${each.key}"
  description         = "Work off the queue of an agent stage"
  schedule_expression = each.value.schedule

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 5
  }

  target {
    arn      = aws_sqs_queue.jobs.arn
    role_arn = aws_iam_role.scheduler[0].arn
    input = jsonencode({
      version      = 1
      kind         = "drain"
      project_hash = each.value.project_hash
      stage_uuid   = each.value.stage_uuid
      data_hashes  = null
      page_token   = null
    })
  }
}

resource "aws_iam_role" "scheduler" {
  count = length(var.scheduled_drains) > 0 ? 1 : 0

  name = "${var.name}-scheduler"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "scheduler" {
  count = length(var.scheduled_drains) > 0 ? 1 : 0

  name = "submit"
  role = aws_iam_role.scheduler[0].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.jobs.arn }]
  })
}
