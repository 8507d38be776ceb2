# The first of three scheduled jobs that follow one another: this one runs every night,
# cron-dag-clean.hcl after each of its runs, and cron-dag-load.hcl after both.
#
#   tender submit examples/jobs/cron-dag-extract.hcl
#   tender submit examples/jobs/cron-dag-clean.hcl
#   tender submit examples/jobs/cron-dag-load.hcl
#   tender cron trigger cron-dag-extract      # all three, right now
#   tender cron ls

job "cron-dag-extract" {
  periodic {
    schedule = "R/2026-01-01T02:00:00/P1D" # ISO 8601: every day from then on at 02:00
    overlap  = "queue"
  }

  group "main" {
    task "extract" {
      driver = "exec"
      config {
        script = "echo extracted for $TENDER_SCHEDULED_TIME"
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
