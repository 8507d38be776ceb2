# A task with an input that is fetched and checked, a file that is rendered from
# a template, and a task that runs before it.
#
#   tender submit examples/jobs/template.hcl --wait
#   tender logs template --task main

variable "licence" {
  type    = string
  default = "/usr/share/common-licenses/Apache-2.0"
}

job "template" {
  meta {
    greeting = "good morning"
  }

  group "main" {
    task "prepare" {
      driver = "exec"
      lifecycle {
        hook = "prestart"
      }
      config {
        script = "date -u +%A > $TENDER_ALLOC_DIR/day"
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }

    task "main" {
      driver = "exec"
      artifact {
        source      = "file://${var.licence}"
        destination = "local/input/"
      }
      template {
        destination = "local/app.conf"
        data        = <<-EOT
          greeting = {{ env "NOMAD_META_greeting" }}
          job      = {{ env "TENDER_JOB_NAME" }}
        EOT
      }
      config {
        command = "/bin/sh"
        args    = ["-c", "cat local/app.conf $TENDER_ALLOC_DIR/day; wc -l local/input/*"]
      }
      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
    }
  }
}
