# One task that says hello.
#
#   tender submit examples/jobs/hello.hcl --wait
#   tender logs hello

job "hello" {
  group "main" {
    task "greet" {
      driver = "exec"
      config {
        script = <<-EOT
          echo "Hello from task $TENDER_TASK_NAME of job $TENDER_JOB_ID on $TENDER_NODE_NAME."
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
