# A task that fails twice and then succeeds. Attempts share nothing but what
# they leave outside their directories.
#
#   tender submit examples/jobs/retry.hcl --var marks=/tmp/marks --wait
#   tender events                                     # shows the attempts

variable "marks" {
  type        = string
  description = "a file that counts the attempts"
}

job "retry" {
  group "main" {
    restart {
      attempts = 3
      delay    = "100ms"
      mode     = "fail"
    }
    task "flaky" {
      driver = "exec"
      config {
        script = <<-EOT
          echo x >> "${var.marks}"
          n=$(wc -l < "${var.marks}")
          echo "this is attempt $n"
          [ "$n" -ge 3 ]
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
