# A web server in three copies that is updated without an interruption: a new task
# starts beside an old one, which is stopped once the new one has been healthy for
# min_healthy_time.
#
#   tender submit examples/jobs/web-service.hcl --wait
#   tender submit examples/jobs/web-service.hcl --wait --var greeting=again
#   tender deployment ls web-service
#   tender scale web-service 5
#   tender rollback web-service
#   tender cancel web-service

variable "greeting" {
  type    = string
  default = "hello"
}

job "web-service" {
  type = "service" # runs until it is cancelled; a task that ends is started again

  update {
    max_parallel      = 1    # replaced at once
    min_healthy_time  = "2s" # a new task counts from then on
    healthy_deadline  = "1m" # one that is not healthy by then counts as unhealthy
    progress_deadline = "2m" # without another healthy task the update fails
    auto_revert       = true # and the last stable version comes back
  }

  group "http" {
    count = 3

    network {
      port "http" {} # any that is free
    }

    service {
      name = "web" # who asks for it finds the healthy ones: tender services web
      port = "http"
      check {
        type     = "http"
        path     = "/"
        interval = "1s"
        timeout  = "5s"
      }
    }

    shutdown_delay = "1s" # off that list before it is stopped

    restart {
      attempts = 3 # on the same node, within the interval
      interval = "5m"
      delay    = "2s"
    }

    reschedule {
      delay     = "10s" # then on another node, the delay doubling
      max_delay = "10m"
    }

    task "server" {
      driver = "exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "cd local && exec python3 -u -m http.server --bind 127.0.0.1 $TENDER_PORT_http"]
      }
      template {
        destination = "local/index.html"
        data        = "${var.greeting} from task {{ env \"TENDER_ALLOC_INDEX\" }}\n"
      }
      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
      kill_timeout = "5s"
    }
  }
}
