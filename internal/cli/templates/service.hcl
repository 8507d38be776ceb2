# A service of three web servers. `tender submit --wait` waits until all are healthy;
# change the file and submit it again to roll the change out.

variable "greeting" {
  type    = string
  default = "hello"
}

job "web" {
  type = "service"

  # A new version replaces one task after another, each once its successor has been
  # healthy for min_healthy_time. One that fails is taken back.
  update {
    max_parallel     = 1
    min_healthy_time = "1s"
    healthy_deadline = "1m"
    auto_revert      = true
  }

  group "http" {
    count = 3

    network {
      port "http" {} # any free one; TENDER_PORT_http says which
    }

    service {
      name = "web" # tender services web
      port = "http"

      check {
        type     = "http"
        path     = "/"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "server" {
      driver = "exec"

      config {
        script = <<-EOT
          #!/bin/sh
          echo "${var.greeting} from $TENDER_NODE_NAME" > index.html
          exec python3 -m http.server "$TENDER_PORT_http"
        EOT
      }

      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
    }
  }
}
