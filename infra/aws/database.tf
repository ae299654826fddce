locals {
  database_name = "benchmark_qa"
  database_user = "benchmark_qa"
  # Two users take turns: with `secrets_version` the service moves to the other, whose password the migration has just
  # set, while instances that still run go on with theirs. Neither owns a table.
  service_user = var.database == null ? null : var.database.service_user ? "benchmark_qa_${var.secrets_version % 2 == 0 ? "a" : "b"}" : local.database_user
  # The certificate authorities of RDS are in the package: infra/certificates/README.md.
  database_ca = var.package.zip == null ? "/opt/benchmark-qa/certificates/rds.pem" : "/var/task/certificates/rds.pem"
  database_at = var.database == null ? null : "${aws_db_instance.scores[0].endpoint}/${local.database_name}?sslmode=verify-full&sslrootcert=${local.database_ca}"

  # While two versions run side by side there are twice as many instances; three connections are PostgreSQL's own, and
  # two are left for the migration and for a person.
  connections_wanted = 2 * (var.concurrency.requests + var.concurrency.jobs) * var.database_pool
  connections_there  = var.database == null ? 0 : var.database.max_connections - 5
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

# The last snapshot stays when everything is taken away; the next database's has another name.
resource "terraform_data" "final_snapshot" {
  count = var.database == null ? 0 : 1
}

resource "aws_db_subnet_group" "scores" {
  count = var.database == null ? 0 : 1

  name       = "${var.name}-scores"
  subnet_ids = var.network.subnet_ids
  tags       = var.tags
}

resource "aws_db_parameter_group" "scores" {
  count = var.database == null ? 0 : 1

  name        = "${var.name}-scores"
  family      = "postgres17"
  description = "Scores: encrypted connections alone, and so many of them"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name         = "max_connections"
    value        = tostring(var.database.max_connections)
    apply_method = "pending-reboot"
  }
  tags = var.tags
}

resource "aws_db_instance" "scores" {
  #checkov:skip=CKV_AWS_133: `database.backup_days`, 14 unless said otherwise
  #checkov:skip=CKV_AWS_118: enhanced monitoring is not worth its cost for a database of scores
  #checkov:skip=CKV_AWS_353: neither are performance insights
  #checkov:skip=CKV_AWS_129: PostgreSQL's log would hold statements; errors are in the service's log
  #checkov:skip=CKV2_AWS_30: query logging would write people's scores to a log
  #checkov:skip=CKV_AWS_157: `database.multi_az` is the operator's choice: lost hours are made up by `benchmark-qa evaluate`
  #checkov:skip=CKV_AWS_293: `database.deletion_protection`, true unless said otherwise
  #checkov:skip=CKV_AWS_161: passwords in Secrets Manager, two users that take turns; IAM tokens end every 15 minutes
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
  parameter_group_name       = aws_db_parameter_group.scores[0].name
  db_subnet_group_name       = aws_db_subnet_group.scores[0].name
  vpc_security_group_ids     = [aws_security_group.database[0].id]
  publicly_accessible        = false
  multi_az                   = var.database.multi_az
  backup_retention_period    = var.database.backup_days
  deletion_protection        = var.database.deletion_protection
  skip_final_snapshot        = false
  final_snapshot_identifier  = "${var.name}-scores-final-${substr(terraform_data.final_snapshot[0].id, 0, 8)}"
  copy_tags_to_snapshot      = true
  auto_minor_version_upgrade = true
  tags                       = var.tags

  lifecycle {
    # AWS raises minor versions by itself.
    ignore_changes = [engine_version]
  }
}
