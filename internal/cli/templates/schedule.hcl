# A schedule: a run of this job is submitted whenever it is due.
# `tender cron next "30 6 * * MON-FRI"` tries an expression out.

job "report" {
  type       = "batch"
  time_limit = "10m"

  periodic {
    cron      = "30 6 * * MON-FRI" # minute, hour, day, month, weekday
    time_zone = "Europe/Berlin"    # default UTC
    overlap   = "forbid"           # while a run goes on: allow, forbid, queue or replace
    catch_up  = "latest"           # missed while nobody led: none, latest or all
  }

  group "main" {
    task "report" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo report number $TENDER_RUN_NUMBER, due $TENDER_SCHEDULED_TIME"]
      }

      resources {
        cpus   = 0.5
        memory = "32MiB"
      }
    }
  }
}
