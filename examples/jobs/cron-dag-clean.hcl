# The second of three: it runs whenever a run of cron-dag-extract.hcl has succeeded.
#
#   tender submit examples/jobs/cron-dag-clean.hcl

job "cron-dag-clean" {
  depends_on = {
    cron-dag-extract = "ok"
  }
  periodic {
    chained = true
  }

  group "main" {
    task "clean" {
      driver = "exec"
      config {
        script = "echo cleaned for $TENDER_SCHEDULED_TIME"
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
