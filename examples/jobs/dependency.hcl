# Runs when array.hcl has ended, however: it cleans up, or reports.
#
#   tender submit examples/jobs/array.hcl
#   tender submit examples/jobs/dependency.hcl --wait
#   tender why dependency                             # while it waits

job "dependency" {
  priority = 70
  depends_on = {
    array = "any" # ok | failed | any | started
  }

  group "after" {
    task "report" {
      driver = "exec"
      config {
        script = "echo the array has ended"
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
