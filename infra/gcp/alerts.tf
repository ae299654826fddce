locals {
  service_filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\""
  queue_filter   = "resource.type = \"cloud_tasks_queue\" AND resource.labels.queue_id = \"${var.name}-jobs\""

  database_filter = var.database == null ? "" : "resource.type = \"cloudsql_database\" AND resource.labels.database_id = \"${var.project}:${google_sql_database_instance.scores[0].name}\""

  # Fields `event` of the service's JSON log lines, counted.
  log_events = {
    score_unrecorded = {
      threshold = 0
      text      = "Scores are computed and not recorded: the database cannot be reached, or its tables are behind. Their tasks wait, and are scored again."
    }
    task_held = {
      threshold = 0
      text      = "Tasks are held at their agent stage because they cannot be decided. The log names them; then `benchmark-qa evaluate` or `route`."
    }
    signature_refused = {
      threshold = 20
      text      = "Calls with a wrong signature: somebody tries, or Encord signs with another secret than the service has."
    }
  }

  event_alerts = {
    for event, alert in local.log_events : replace(event, "_", " ") => {
      filter  = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.event[event].name}\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", threshold = alert.threshold, duration = "0s", text = alert.text
    }
  }

  database_alerts = var.database == null ? {} : {
    "database storage" = {
      filter  = "${local.database_filter} AND metric.type = \"cloudsql.googleapis.com/database/disk/utilization\""
      aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", threshold = 0.9, duration = "0s"
      text    = "Less than a tenth of the database's storage is free."
    }
    "database connections" = {
      filter  = "${local.database_filter} AND metric.type = \"cloudsql.googleapis.com/database/postgresql/num_backends\""
      aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", threshold = floor(var.database.max_connections * 0.8), duration = "300s"
      text    = "More than four fifths of the database's connections are in use: fewer instances, or a larger database.max_connections."
    }
    "database processor" = {
      filter  = "${local.database_filter} AND metric.type = \"cloudsql.googleapis.com/database/cpu/utilization\""
      aligner = "ALIGN_MEAN", reducer = "REDUCE_MAX", threshold = 0.9, duration = "900s"
      text    = "The database's processor is busy for a quarter of an hour: a larger database.tier."
    }
  }

  alerts = {
    "server errors" = {
      filter  = "${local.service_filter} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", threshold = 5, duration = "0s"
      text    = "The application answers 5xx: Encord cannot be reached, or a setting does not fit the projects. Tasks wait at their agent stage."
    }
    "latency" = {
      # Jobs, which may take minutes, are not in it: Cloud Run's own measure does not tell paths apart.
      filter  = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.latency.name}\""
      aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", threshold = 90, duration = "900s"
      text    = "Calls of Encord take more than half of the time that it waits."
    }
    "jobs fail" = {
      filter  = "${local.queue_filter} AND metric.type = \"cloudtasks.googleapis.com/queue/task_attempt_count\" AND metric.labels.response_code != \"ok\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", threshold = 10, duration = "0s"
      text    = "Deliveries of jobs fail. What fails ten times is dropped: its tasks wait at their stage until Encord notifies again."
    }
    "jobs wait" = {
      filter  = "${local.queue_filter} AND metric.type = \"cloudtasks.googleapis.com/queue/depth\""
      aligner = "ALIGN_MIN", reducer = "REDUCE_MAX", threshold = 100, duration = "3600s"
      text    = "More than a hundred jobs have waited for an hour: raise jobs_at_once or resources.max_instances."
    }
  }
}

resource "google_logging_metric" "event" {
  for_each = local.log_events

  project     = var.project
  name        = "${var.name}/${each.key}"
  description = each.value.text
  filter      = "${local.service_filter} AND jsonPayload.event = \"${each.key}\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.this]
}

resource "google_logging_metric" "latency" {
  project         = var.project
  name            = "${var.name}/call_seconds"
  description     = "Seconds that a call takes, without deliveries of jobs"
  filter          = "${local.service_filter} AND logName = \"projects/${var.project}/logs/run.googleapis.com%2Frequests\" AND NOT httpRequest.requestUrl =~ \"/jobs$\""
  value_extractor = "EXTRACT(httpRequest.latency)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"
  }

  # 10 ms to 200 s.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 45
      growth_factor      = 1.25
      scale              = 0.01
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = merge(local.alerts, local.event_alerts, local.database_alerts)

  project               = var.project
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  documentation {
    content   = each.value.text
    mime_type = "text/markdown"
  }

  conditions {
    display_name = each.key
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }

  depends_on = [google_project_service.this]
}
