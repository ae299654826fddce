locals {
  database_name = "benchmark_qa"
  database_user = "benchmark_qa"
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5: attached to the functions
  count = var.network == null ? 0 : 1

  name        = "${var.name}-functions"
  description = "Benchmark QA functions: out to Encord, AWS and the database"
  vpc_id      = var.network.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count = var.network == null ? 0 : 1

  description       = "Encord and AWS"
  security_group_id = aws_security_group.functions[0].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "database" {
  count = var.database == null ? 0 : 1

  description                  = "The scores"
  security_group_id            = aws_security_group.functions[0].id
  referenced_security_group_id = aws_security_group.database[0].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_security_group" "database" {
  #checkov:skip=CKV2_AWS_5: attached to the database
  count = var.database == null ? 0 : 1

  name        = "${var.name}-database"
  description = "Scores: in from the functions alone"
  vpc_id      = var.network.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "functions" {
  count = var.database == null ? 0 : 1

  description                  = "The functions"
  security_group_id            = aws_security_group.database[0].id
  referenced_security_group_id = aws_security_group.functions[0].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "scores" {
  count = var.database == null ? 0 : 1

  name       = "${var.name}-scores"
  subnet_ids = var.network.subnet_ids
  tags       = var.tags
}

resource "aws_db_instance" "scores" {
  #checkov:skip=CKV_AWS_133: `database.backup_days`, 14 unless said otherwise
  #checkov:skip=CKV_AWS_118: enhanced monitoring is not worth its cost for a database of scores
  #checkov:skip=CKV_AWS_353: neither are performance insights
  #checkov:skip=CKV_AWS_129: PostgreSQL's log would hold statements; errors are in the service's log
  #checkov:skip=CKV2_AWS_30: query logging would write people's scores to a log
  #checkov:skip=CKV_AWS_157: `database.multi_az` is the operator's choice: lost hours are made up by `benchmark-qa evaluate`
  #checkov:skip=CKV_AWS_293: `database.deletion_protection`, true unless said otherwise
  #checkov:skip=CKV_AWS_161: a password in Secrets Manager; IAM tokens end every 15 minutes
  count = var.database == null ? 0 : 1

  identifier                 = "${var.name}-scores"
  engine                     = "postgres"
  engine_version             = "17"
  instance_class             = var.database.instance_class
  allocated_storage          = var.database.storage_gb
  storage_encrypted          = true
  db_name                    = local.database_name
  username                   = local.database_user
  password_wo                = var.database_password
  password_wo_version        = var.secrets_version
  db_subnet_group_name       = aws_db_subnet_group.scores[0].name
  vpc_security_group_ids     = [aws_security_group.database[0].id]
  publicly_accessible        = false
  multi_az                   = var.database.multi_az
  backup_retention_period    = var.database.backup_days
  deletion_protection        = var.database.deletion_protection
  skip_final_snapshot        = false
  final_snapshot_identifier  = "${var.name}-scores-final"
  copy_tags_to_snapshot      = true
  auto_minor_version_upgrade = true
  tags                       = var.tags

  lifecycle {
    # AWS raises minor versions by itself.
    ignore_changes = [engine_version]
  }
}
