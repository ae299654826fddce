# `terraform test` in infra/aws: plans alone, with a provider that asks nobody.
mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
}

variables {
  package = { image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/benchmark-qa:1" }
  config  = "{\"production_project\": \"7a000000-0000-4000-8000-000000000001\", \"benchmark_projects\": [\"7a000000-0000-4000-8000-000000000002\"]}"
  network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  secrets = { ENCORD_SSH_KEY = "key", ROUTE_SECRET = "route", SCORE_SECRET = "score" }
}

run "without_a_database" {
  command = plan

  assert {
    condition     = length(aws_db_instance.scores) == 0 && length(aws_lambda_invocation.migration) == 1
    error_message = "No database is asked for; the tables of yours are brought up to date all the same."
  }
  assert {
    condition     = aws_lambda_function.this["http"].environment[0].variables.BENCHMARK_QA_CONFIG == var.config
    error_message = "A short document stands in the environment."
  }
  assert {
    condition     = length(local.widgets) == 6
    error_message = "The dashboard has six figures."
  }
  assert {
    condition     = length(aws_ecs_cluster.commands) == 0
    error_message = "No command runs on a schedule."
  }
  assert {
    condition     = alltrue([for filter in aws_cloudwatch_log_metric_filter.event : startswith(filter.pattern, "{ $.event = ")]) && length(aws_cloudwatch_log_metric_filter.event) == 6
    error_message = "Three events are counted in the logs of two functions."
  }
}

run "back_to_a_former_package" {
  command = plan
  variables {
    migrate           = false
    database          = {}
    database_password = "sixteenlettersormore"
    concurrency       = { requests = 10, jobs = 5 }
  }
  assert {
    condition     = length(aws_lambda_invocation.migration) == 0 && local.service_user == "benchmark_qa_b"
    error_message = "Nothing is migrated, and the service signs in as before."
  }
}

run "with_a_database" {
  command = plan
  variables {
    database          = {}
    database_password = "sixteenlettersormore"
    concurrency       = { requests = 10, jobs = 5 }
  }
  assert {
    condition     = length(aws_db_instance.scores) == 1 && aws_db_instance.scores[0].deletion_protection && !aws_db_instance.scores[0].publicly_accessible
    error_message = "The database is private and protected."
  }
  assert {
    condition     = length(local.widgets) == 6 && local.widgets[5].title == "Database: connections, processor (%)"
    error_message = "The dashboard has six figures, the database's among them."
  }
  assert {
    condition     = local.service_user == "benchmark_qa_b" && local.makes_service_user
    error_message = "The service signs in as a user that owns no table."
  }
  assert {
    condition     = { for parameter in aws_db_parameter_group.scores[0].parameter : parameter.name => parameter.value }["max_connections"] == "80"
    error_message = "The database's limit is the one that is reckoned with."
  }
  assert {
    condition     = alltrue([for name in ["database-storage", "database-connections", "database-processor"] : contains(keys(aws_cloudwatch_metric_alarm.this), name)])
    error_message = "Storage, connections and processor have alarms."
  }
}

run "the_other_user_takes_its_turn" {
  command = plan
  variables {
    database          = {}
    database_password = "sixteenlettersormore"
    concurrency       = { requests = 10, jobs = 5 }
    secrets_version   = 2
  }
  assert {
    condition     = local.service_user == "benchmark_qa_a"
    error_message = "A new password belongs to another user than the one in use."
  }
}

run "more_connections_than_the_database_has" {
  command = plan
  variables {
    database          = {}
    database_password = "sixteenlettersormore"
    concurrency       = { requests = 20, jobs = 5 }
  }
  expect_failures = [aws_lambda_function.this]
}

run "as_many_connections_as_there_are" {
  command = plan
  variables {
    database          = { max_connections = 105 }
    database_password = "sixteenlettersormore"
    concurrency       = { requests = 20, jobs = 5 }
  }
}

run "an_unknown_number_of_instances" {
  command = plan
  variables {
    database          = { max_connections = 5000 }
    database_password = "sixteenlettersormore"
  }
  expect_failures = [aws_lambda_function.this]
}

run "a_long_document" {
  command = plan
  variables {
    config = "{\"production_project\": \"p\", \"benchmark_projects\": [\"b\"], \"note\": \"${join("", [for number in range(1000) : "1234"])}\"}"
  }
  assert {
    condition     = local.config_in_secret && !contains(keys(aws_lambda_function.this["http"].environment[0].variables), "BENCHMARK_QA_CONFIG")
    error_message = "A document over 3,000 bytes travels with the secrets."
  }
  assert {
    condition     = local.settings_version != 1
    error_message = "The secret is written again when the document changes."
  }
}

run "a_document_that_no_secret_holds" {
  command = plan
  variables {
    config = "{\"production_project\": \"p\", \"benchmark_projects\": [\"b\"], \"note\": \"${join("", [for number in range(1000) : "${join("", [for more in range(12) : "12345"])}"])}\"}"
  }
  expect_failures = [var.config]
}

run "commands_on_a_schedule" {
  command = plan
  variables {
    architecture       = "arm64"
    scheduled_commands = { evaluate = "cron(0 3 * * ? *)", route = "rate(1 day)" }
  }
  assert {
    condition     = length(aws_ecs_task_definition.command) == 2 && aws_ecs_task_definition.command["evaluate"].runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "Each command is a task of the image's processor."
  }
}

run "a_command_that_is_none" {
  command = plan
  variables {
    scheduled_commands = { rout = "rate(1 day)" }
  }
  expect_failures = [var.scheduled_commands]
}

run "commands_need_the_image" {
  command = plan
  variables {
    package            = { zip = "tests/module.tftest.hcl" }
    scheduled_commands = { route = "rate(1 day)" }
  }
  expect_failures = [var.scheduled_commands]
}
