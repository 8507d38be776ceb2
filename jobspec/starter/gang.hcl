# A gang: all allocations of the group start together or none does.
#
#   tender submit --wait FILE
#   tender logs ring --index 1

job "ring" {
  time_limit = "10m" # lets the job be fitted in before larger ones

  group "ranks" {
    count = 2

    gang {
      launch = "none" # the task below is started once in each allocation
      # topology = "rack" # stay within one, if it can be had
    }

    # exclusive = true # whole agents, shared with nobody

    task "rank" {
      driver = "exec"

      config {
        script = <<-EOT
          echo "rank $TENDER_RANK of $TENDER_WORLD_SIZE on $TENDER_NODELIST"
        EOT
      }

      resources {
        cpus   = 0.5
        memory = "64MiB"
      }
    }
  }
}
