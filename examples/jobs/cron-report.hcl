# A report every working day at 06:30 in Berlin. While one run still goes on the next
# is skipped, and of those missed while the masters were down the latest is made up for.
#
#   tender submit examples/jobs/cron-report.hcl
#   tender cron next cron-report
#   tender cron trigger cron-report           # a run right now
#   tender cron runs cron-report
#   tender logs cron-report                   # of the latest run

job "cron-report" {
  periodic {
    cron             = "30 6 * * MON-FRI"
    time_zone        = "Europe/Berlin"
    prohibit_overlap = true
    catch_up         = "latest" # none | latest | all
    keep_successful  = 5        # ended runs in the history, 10 of each if it says nothing
    keep_failed      = 10
  }

  group "main" {
    task "report" {
      driver = "exec"
      config {
        script = <<-EOT
          echo "report $TENDER_RUN_NUMBER, due at $TENDER_SCHEDULED_TIME"
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
