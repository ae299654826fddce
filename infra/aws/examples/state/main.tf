# A bucket for Terraform's state, made once, before everything else. Its own state is a file: keep it, or import the bucket.
#
#   terraform init && terraform apply -var bucket=YOUR-STATE-BUCKET
#
# Then in the example that you take, and once more `terraform init`:
#
#   terraform {
#     backend "s3" {
#       bucket       = "YOUR-STATE-BUCKET"
#       key          = "benchmark-qa.tfstate"
#       region       = "eu-west-1"
#       use_lockfile = true
#     }
#   }

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

variable "bucket" {
  description = "Name of the bucket; unique in all of AWS."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18: the account's CloudTrail says who has read it
  #checkov:skip=CKV_AWS_144: a copy in another region is the operator's choice
  #checkov:skip=CKV_AWS_145: AWS's own key; the state holds no secret
  #checkov:skip=CKV2_AWS_62: nobody waits for its events
  bucket = var.bucket

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket                  = aws_s3_bucket.state.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.id
  rule {
    id     = "former-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
