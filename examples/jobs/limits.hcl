# Three ways to be stopped: by the memory limit, by the time limit, by a signal.
# `tender job limits` says which was which.
#
#   tender submit examples/jobs/limits.hcl --wait

job "limits" {
  time_limit = "2s"

  group "memory" {
    task "grow" {
      driver = "exec"
      config {
        script = "x=0123456789abcdef; while :; do x=$x$x$x$x; done"
      }
      resources {
        cpus   = 0.5
        memory = "32MiB"
      }
    }
  }
  group "time" {
    task "sleep" {
      driver       = "exec"
      kill_timeout = "1s"
      config {
        command = "sleep"
        args    = ["1000"]
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
  group "signal" {
    task "suicide" {
      driver = "exec"
      config {
        script = "kill -USR1 $$"
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
