# Three allocations that start together or not at all. Each knows how many they
# are, which one it is, and on which nodes they run.
#
#   tender submit examples/jobs/gang.hcl --wait
#   tender logs gang --index 2

job "gang" {
  time_limit = "5m"

  group "ranks" {
    count = 3
    gang {
      launch = "none" # nothing but the all-or-nothing start
    }
    task "rank" {
      driver = "exec"
      config {
        script = <<-EOT
          echo "rank $TENDER_RANK of $TENDER_WORLD_SIZE on $TENDER_NODE_NAME, all of us on $TENDER_NODELIST"
        EOT
      }
      resources {
        cpus   = 0.2
        memory = "32MiB"
      }
    }
  }
}
