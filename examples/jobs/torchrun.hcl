# Ranks that meet at a port, as torch.distributed does with init_method = "env://":
# RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set as torchrun
# would set them, and the port is the gang's own for as long as it runs. Here a few
# lines of Python stand in for training: rank 0 adds up what the others send.
#
#   tender submit examples/jobs/torchrun.hcl --wait
#   tender logs torchrun

variable "python" {
  type    = string
  default = "python3"
}

job "torchrun" {
  time_limit = "5m"

  group "workers" {
    count = 2
    gang {
      launch = "torchrun"
      ranks  = 2 # in each allocation; with GPUs as many as it has
    }

    task "train" {
      config {
        command = var.python
        args    = ["local/train.py"]
      }
      template {
        destination = "local/train.py"
        data        = <<-EOT
          import os, socket, time

          rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
          master = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])

          if rank == 0:
              with socket.create_server(("", master[1]), backlog=world) as server:
                  peers = [server.accept()[0] for _ in range(world - 1)]
                  total = sum(int(p.makefile().readline()) for p in peers)
                  for p in peers:
                      p.sendall(b"%d\n" % total)
          else:
              while True:  # rank 0 may not listen yet
                  try:
                      peer = socket.create_connection(master)
                      break
                  except ConnectionRefusedError:
                      time.sleep(0.05)
              peer.sendall(b"%d\n" % rank)
              total = int(peer.makefile().readline())

          print(f"rank {rank} of {world}: the sum of all ranks is {total}")
        EOT
      }
      resources {
        cpus   = 0.4
        memory = "128MiB"
      }
    }
  }
}
