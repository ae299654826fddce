locals {
  service_filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\""
  queue_filter   = "resource.type = \"cloud_tasks_queue\" AND resource.labels.queue_id = \"${var.name}-jobs\""

  alerts = {
    "server errors" = {
      filter  = "${local.service_filter} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", threshold = 5, duration = "0s"
      text    = "The application answers 5xx: Encord cannot be reached, or a setting does not fit the projects. Tasks wait at their agent stage."
    }
    "latency" = {
      filter  = "${local.service_filter} AND metric.type = \"run.googleapis.com/request_latencies\""
      aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", threshold = 90000, duration = "900s"
      text    = "Requests take more than half of the time that Encord waits."
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

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  project               = var.project
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = var.notification_channels

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
