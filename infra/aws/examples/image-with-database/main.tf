# The container image in a repository of its own, with a PostgreSQL database in private subnets of yours (which need a
# NAT gateway). The guide: docs/deploy-lambda.md.
#
#   terraform init && terraform apply -target=aws_ecr_repository.images
#   the image built and pushed: make image-push
#   terraform apply
#
# Terraform asks for what has no default. State holds no secret; keep it in a bucket all the same: examples/state.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

resource "aws_ecr_repository" "images" {
  #checkov:skip=CKV_AWS_136: AWS encrypts with its own key; the image holds no secret
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Twenty versions are kept, enough to go back.
resource "aws_ecr_lifecycle_policy" "images" {
  repository = aws_ecr_repository.images.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last twenty"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}

module "benchmark_qa" {
  source = "../.."

  name               = var.name
  package            = { image_uri = "${aws_ecr_repository.images.repository_url}:${var.image_tag}" }
  architecture       = var.architecture
  config             = file(var.config_file)
  encord_domain      = var.encord_domain
  settings           = var.settings
  network            = { vpc_id = var.vpc_id, subnet_ids = var.subnet_ids }
  database           = var.database
  database_password  = var.database_password
  alarm_topic_arns   = var.alarm_topic_arns
  concurrency        = var.concurrency
  migrate            = var.migrate
  scheduled_drains   = var.scheduled_drains
  scheduled_commands = var.scheduled_commands
  tags               = var.tags

  secrets = merge(
    {
      ENCORD_SSH_KEY      = var.ssh_key
      ROUTE_SECRET        = var.route_secret
      SCORE_SECRET        = var.score_secret
      NOTIFICATION_SECRET = var.notification_secret
    },
    var.more_secrets,
  )
  secrets_version = var.secrets_version
}

output "urls" {
  description = "Paste these into Encord."
  value       = module.benchmark_qa.urls
}

output "repository" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.images.repository_url
}

output "schema" {
  description = "The tables' revision, as the migration has left it."
  value       = module.benchmark_qa.schema
}
