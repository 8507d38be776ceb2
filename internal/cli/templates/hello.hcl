# A job of one task. Check it with `tender validate`, run it with
# `tender submit --wait`.

variable "name" {
  type    = string
  default = "world"
}

job "hello" {
  type       = "batch"
  time_limit = "10m" # a task that runs longer is stopped

  group "main" {
    task "greet" {
      driver = "exec" # isolated: limits, a process tree of its own

      config {
        command = "/bin/echo"
        args    = ["hello,", "${var.name}"] # tender submit --var name=you
      }

      resources {
        cpus   = 1
        memory = "64MiB" # more than this, and the task is killed
      }
    }
  }
}
