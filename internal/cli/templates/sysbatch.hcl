# A task that runs once on every node, also on those that join meanwhile; the job is over
# when all have ended. `tender logs checkup --index 0` is the output of the first.

job "checkup" {
  type       = "sysbatch"
  time_limit = "10m" # a task that runs longer is stopped

  # Not on all nodes, but on those that match.
  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  group "main" {
    # It is tried again where it was, never elsewhere.
    restart {
      attempts = 1
      delay    = "5s"
    }

    task "disk" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo $TENDER_NODE_NAME: $(df -h / | tail -n 1)"]
      }

      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
