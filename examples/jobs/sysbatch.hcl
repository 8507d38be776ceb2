# Runs once on every node that matches and is over when all of them have ended; a
# node that joins meanwhile runs it too. With a periodic block it would do so each
# time it is due.
#
#   tender submit examples/jobs/sysbatch.hcl --wait
#   tender job sysbatch
#   tender logs sysbatch --index 0

job "sysbatch" {
  type = "sysbatch"

  constraint { # not on all, but on those that match
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  group "report" {
    restart { # where it was, never elsewhere
      attempts = 1
      delay    = "5s"
    }

    task "report" {
      config {
        script = <<EOT
echo "$TENDER_NODE_NAME has $(df -h --output=avail / | tail -n 1) free"
EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
