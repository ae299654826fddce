# The six figures that an operator looks at, on one page.
resource "google_monitoring_dashboard" "this" {
  project = var.project
  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", {
    name     = var.name
    project  = var.project
    database = "${var.name}-scores"
  })

  depends_on = [google_project_service.this, google_logging_metric.event, google_logging_metric.latency]
}
