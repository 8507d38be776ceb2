# A service whose updates begin with a canary: one task of the new version runs
# beside the old ones until somebody promotes it.
#
#   tender submit examples/jobs/canary.hcl --wait
#   tender submit examples/jobs/canary.hcl --wait --var release=2
#   tender job canary
#   tender deployment promote canary   # or: tender deployment fail canary
#   tender cancel canary

variable "release" {
  type    = number
  default = 1
}

job "canary" {
  type = "service"

  group "worker" {
    count = 2

    update {
      canary            = 1
      max_parallel      = 1
      min_healthy_time  = "1s"
      healthy_deadline  = "1m"
      progress_deadline = "2m"
      # auto_promote    = true would promote it as soon as it is healthy
    }

    task "work" {
      driver = "exec"
      config {
        script = <<-EOT
          echo "release ${var.release} is at work"
          exec sleep 1000000
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
