locals {
  # What every function needs of its host.
  statements_of_host = concat(
    [{
      # X-Ray takes no resource.
      Sid      = "Traces"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = "*"
    }],
    # Lambda itself attaches the function to the subnets, in the function's name; AWS lets that be narrowed no further.
    var.network == null ? [] : [{
      Sid      = "Network"
      Effect   = "Allow"
      Action   = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"]
      Resource = "*"
    }],
  )

  # What each function may do, and nothing else.
  statements = {
    for key, function in local.functions : key => concat(
      [
        {
          Sid      = "Logs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.function[key].arn}:*"
        },
        {
          Sid      = "Settings"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = aws_secretsmanager_secret.settings.arn
        },
        {
          Sid      = "SubmitJobs"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = aws_sqs_queue.jobs.arn
        },
      ],
      key == "jobs" ? [{
        Sid      = "WorkOffJobs"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.jobs.arn
      }] : [],
      local.statements_of_host,
    )
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name = "${var.name}-${each.key}"
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

resource "aws_iam_role_policy" "function" {
  #checkov:skip=CKV_AWS_355: X-Ray and network interfaces take no resource
  #checkov:skip=CKV_AWS_290: X-Ray and network interfaces take no resource
  for_each = local.functions

  name   = "function"
  role   = aws_iam_role.function[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })
}
