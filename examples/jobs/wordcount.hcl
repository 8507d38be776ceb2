# Counts the words of the text files found on this machine, in 32 tasks that
# share the files between them. wordcount-merge.hcl adds the counts up.
#
#   tender submit examples/jobs/wordcount.hcl --var out=/tmp/counts
#   tender submit examples/jobs/wordcount-merge.hcl --var out=/tmp/counts --wait
#   tender logs wordcount-merge

variable "out" {
  type        = string
  description = "a directory that all tasks can reach; made if it is not there"
}

variable "where" {
  type        = list(string)
  default     = ["/usr/share/common-licenses", "/usr/share/doc", "/usr/share/perl", "/usr/share/perl5", "/usr/share/dict", "/etc"]
  description = "directories to look for text files in"
}

locals {
  parts = 32
}

job "wordcount" {
  time_limit = "10m"

  group "parts" {
    array {
      range = "0-${local.parts - 1}"
      limit = 16
    }

    # A disk that hiccups is no reason to start over.
    restart {
      attempts = 2
      delay    = "1s"
    }

    task "count" {
      driver = "exec"
      config {
        # Every task sees the same sorted list and takes each 32nd file of it.
        script = <<-EOT
          set -eu
          mkdir -p "${var.out}"
          find -L ${join(" ", var.where)} -type f \
              \( -name '*.txt' -o -name '*.conf' -o -name '*.pod' -o -name '*.pm' -o -name 'README*' -o -name copyright -o -name '[A-Z]*' \) \
              -size -256k 2>/dev/null | LC_ALL=C sort -u |
            awk -v n=${local.parts} -v i="$TENDER_ARRAY_INDEX" 'NR % n == i' > local/files
          echo "part $TENDER_ARRAY_INDEX of ${local.parts}: $(wc -l < local/files) files"
          tr '\n' '\0' < local/files | xargs -0 -r cat -- |
            LC_ALL=C tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' |
            awk 'length($0) > 3 { count[$0]++ } END { for (w in count) print count[w], w }' > local/counts
          # The result appears whole or not at all, also when a task is retried.
          mv local/counts "${var.out}/.part.$TENDER_ARRAY_INDEX"
          mv "${var.out}/.part.$TENDER_ARRAY_INDEX" "${var.out}/part.$TENDER_ARRAY_INDEX"
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
    }
  }
}
