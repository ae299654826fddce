# Commands on a schedule: Fargate tasks from the image that the functions run. Lambda has no command line, and ends after 15 minutes.
locals {
  commands = length(var.scheduled_commands) > 0 ? 1 : 0
}

resource "aws_ecs_cluster" "commands" {
  count = local.commands

  name = "${var.name}-commands"
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
  tags = var.tags
}

resource "aws_cloudwatch_log_group" "commands" {
  #checkov:skip=CKV_AWS_158: logs hold no label content and no secrets; AWS encrypts them with its own key
  count = local.commands

  name              = "/ecs/${var.name}-commands"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_task_definition" "command" {
  for_each = var.scheduled_commands

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.commands[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = each.key
    image                  = var.package.image_uri
    essential              = true
    entryPoint             = ["python3", "-m", "benchmark_qa"]
    command                = [each.key]
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    environment = [
      for name, value in local.environment : { name = name, value = value }
      if contains(["BENCHMARK_QA_CONFIG", "ENCORD_DOMAIN", "DATABASE_CONNECTIONS", "LOG_LEVEL"], name)
    ]
    secrets = [
      for name in concat(["ENCORD_SSH_KEY", "DATABASE_URL"], local.config_in_secret ? ["BENCHMARK_QA_CONFIG"] : []) :
      { name = name, valueFrom = "${aws_secretsmanager_secret.settings.arn}:${name}::" }
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.commands[0].name
        awslogs-region        = data.aws_region.this.name
        awslogs-stream-prefix = each.key
      }
    }
  }])

  tags = var.tags
}

data "aws_region" "this" {}

resource "aws_scheduler_schedule" "command" {
  #checkov:skip=CKV_AWS_297: it holds no more than a command's name; AWS encrypts it with its own key
  for_each = var.scheduled_commands

  name                = "${var.name}-${each.key}"
  description         = "benchmark-qa ${each.key}"
  schedule_expression = each.value

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = aws_ecs_cluster.commands[0].arn
    role_arn = aws_iam_role.command_scheduler[0].arn
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.command[each.key].arn
      launch_type         = "FARGATE"
      network_configuration {
        subnets         = var.network.subnet_ids
        security_groups = [aws_security_group.functions[0].id]
      }
    }
    retry_policy {
      maximum_retry_attempts = 2
    }
  }
}

# Starts the task: takes the image, reads the secrets, opens the log.
resource "aws_iam_role" "commands" {
  count = local.commands

  name = "${var.name}-commands"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "commands" {
  #checkov:skip=CKV_AWS_355: a registry's token takes no resource
  #checkov:skip=CKV_AWS_290: a registry's token takes no resource
  count = local.commands

  name = "start"
  role = aws_iam_role.commands[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
      {
        Effect = "Allow"
        Action = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
        Resource = format(
          "arn:aws:ecr:%s:%s:repository/%s",
          split(".", var.package.image_uri)[3], split(".", var.package.image_uri)[0],
          regex("^[^/]+/([^:@]+)", var.package.image_uri)[0],
        )
      },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.commands[0].arn}:*"
      },
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.settings.arn },
    ]
  })
}

resource "aws_iam_role" "command_scheduler" {
  count = local.commands

  name = "${var.name}-command-scheduler"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "scheduler.amazonaws.com" } }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "command_scheduler" {
  count = local.commands

  name = "run"
  role = aws_iam_role.command_scheduler[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "ecs:RunTask"
        Resource = [for definition in aws_ecs_task_definition.command : definition.arn]
      },
      { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.commands[0].arn },
    ]
  })
}
