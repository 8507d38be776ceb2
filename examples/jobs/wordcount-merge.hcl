# Adds up what wordcount.hcl has counted, when all of it has succeeded.
#
#   tender submit examples/jobs/wordcount-merge.hcl --var out=/tmp/counts --wait

variable "out" {
  type        = string
  description = "the directory that wordcount.hcl was given"
}

job "wordcount-merge" {
  time_limit = "10m"
  depends_on = {
    wordcount = "ok" # Slurm: --dependency=afterok
  }

  group "merge" {
    task "merge" {
      driver = "exec"
      config {
        script = <<-EOT
          set -eu
          cat "${var.out}"/part.* | awk '{ count[$2] += $1; words += $1 } END {
            printf "%d words, %d different ones. The most frequent:\n", words, length(count)
            for (w in count) print count[w], w | "sort -k1,1nr -k2 | head -n 10"
          }'
        EOT
      }
      resources {
        cpus   = 0.5
        memory = "256MiB"
      }
    }
  }
}
