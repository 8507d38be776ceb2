# An array with a step and a limit: twenty-one tasks, at most five at once.
# Each multiplies its index; one of them fails, and the others go on.
#
#   tender submit examples/jobs/array.hcl --wait      # exits with 3
#   tender job array                                  # failures first
#   tender logs array --index 30

job "array" {
  group "squares" {
    array {
      range = "0-100:5"
      limit = 5
    }
    task "square" {
      driver = "exec"
      config {
        script = <<-EOT
          i=$TENDER_ARRAY_INDEX
          if [ "$i" -eq 35 ]; then echo "35 is unlucky" >&2; exit 3; fi
          echo "$i squared is $((i * i))"
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
