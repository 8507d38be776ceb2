# The last of three: it runs once both others have, for the same time. A job that would
# follow itself is refused, and the circle is printed.
#
#   tender submit examples/jobs/cron-dag-load.hcl
#   tender why cron-dag-load                  # what it waits for

job "cron-dag-load" {
  depends_on = {
    cron-dag-extract = "any" # ok | failed | any | started
    cron-dag-clean   = "ok"
  }
  periodic {
    chained = true
  }

  group "main" {
    task "load" {
      driver = "exec"
      config {
        script = "echo loaded for $TENDER_SCHEDULED_TIME"
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
