# A task that serves on a port that no other has, and one beside it that asks it.
# Tasks share their node's network: which port to listen on is in
# TENDER_PORT_<label>, for all tasks of the group.
#
#   tender submit examples/jobs/ports.hcl --wait
#   tender logs ports --task ask

job "ports" {
  time_limit = "1m"

  group "pair" {
    network {
      port "http" {} # any that is free; { static = 8080 } waits for that one
    }

    task "serve" {
      driver = "exec"
      lifecycle {
        hook    = "prestart"
        sidecar = true # runs beside the main task, and is stopped after it
      }
      config {
        script = <<-EOT
          exec perl -MIO::Socket::INET -e '
            my $port = $ENV{TENDER_PORT_http};
            my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "$@\n";
            while (my $c = $s->accept) { print $c "hello from port $port\n"; close $c }'
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }

    task "ask" {
      driver = "exec"
      config {
        command = "/bin/bash"
        args = ["-c", <<-EOT
          for i in $(seq 200); do # until the other one listens
            cat < /dev/tcp/127.0.0.1/$TENDER_PORT_http && exit
            sleep 0.1
          done 2> /dev/null
          exit 1
        EOT
        ]
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
