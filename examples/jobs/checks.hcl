# Two web servers that others find by name. Checks say which may be used; one that
# fails three times in a row ends its task, which is then started again. A task that
# is told to stop is off the list at once and serves on for shutdown_delay.
#
#   tender submit examples/jobs/checks.hcl --wait
#   tender services
#   tender services checks --all
#   curl http://127.0.0.1:7070/v1/services/checks?follow=1
#   tender cancel checks

job "checks" {
  type = "service"

  group "http" {
    count          = 2
    shutdown_delay = "2s"

    network {
      port "http" {}
    }

    restart { # within a node
      attempts = 10
      interval = "10m"
      delay    = "1s"
    }

    service {
      name = "checks"
      port = "http"
      tags = ["example"]

      check {
        type     = "http" # any 2xx answer passes
        path     = "/index.html"
        interval = "1s"
        timeout  = "5s"

        check_restart {
          limit = 3
          grace = "10s" # nothing counts before
        }
      }

      check {
        name     = "page is there"
        type     = "script" # runs in the task's cgroup, namespaces and environment
        command  = "/bin/sh"
        args     = ["-c", "test -s $TENDER_TASK_DIR/index.html"]
        interval = "1s"
        timeout  = "5s"
      }
    }

    task "server" {
      driver = "exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "cd local && exec python3 -u -m http.server --bind $TENDER_IP_http $TENDER_PORT_http"]
      }
      template {
        destination = "local/index.html"
        data        = "hello from task {{ env \"TENDER_ALLOC_INDEX\" }}\n"
      }
      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
      kill_timeout = "5s"
    }
  }
}
