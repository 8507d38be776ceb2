# Trains a small model on a GPU, and goes on from its last checkpoint when it has
# to start again: after a failure, and without using up a restart when it was
# preempted, its node was lost or its GPU broke.
#
#   tender submit examples/jobs/gpu-train.hcl --var checkpoints=/shared/checkpoints --wait
#   tender logs gpu-train
#
# It needs no real device: the model is a line fitted by gradient descent in awk. To
# see it move to another GPU, on a cluster that only pretends to have some:
#
#   tender dev --data-dir /tmp/tender --fake-gpus 4xH100
#   tender submit examples/jobs/gpu-train.hcl --var checkpoints=/tmp/checkpoints --var epochs=600
#   tender gpus
#   echo "dev-1-0 xid 79" > /tmp/tender/agents/1/fake-gpus/broken
#   tender events

variable "checkpoints" {
  type        = string
  default     = "/tmp/gpu-train"
  description = "A directory that every node sees: where a run leaves what the next goes on from"
}

variable "epochs" {
  type    = number
  default = 30
}

job "gpu-train" {
  group "train" {
    restart {
      attempts = 2
      delay    = "1s"
      mode     = "fail"
    }

    task "fit" {
      driver = "exec"

      config {
        script = <<EOT
set -e
echo "attempt $TENDER_ATTEMPT on device $CUDA_VISIBLE_DEVICES"
mkdir -p "$CHECKPOINTS"
state="$CHECKPOINTS/state"
[ -e "$state" ] || echo "0 0 0" > "$state"
while read epoch a b < "$state" && [ "$epoch" -lt "$EPOCHS" ]; do
  # One pass over y = 3x + 1 on ten points; the new state replaces the old at once.
  awk -v e="$epoch" -v a="$a" -v b="$b" 'BEGIN {
    for (i = 0; i < 10; i++) { x = i / 10; d = a * x + b - (3 * x + 1); ga += d * x / 5; gb += d / 5; loss += d * d / 10 }
    printf "epoch %d: loss %.4f\n", e + 1, loss > "/dev/stderr"
    print e + 1, a - 0.5 * ga, b - 0.5 * gb
  }' > "$state.next"
  mv "$state.next" "$state"
  sleep 0.02
done
read epoch a b < "$state"
echo "after $epoch epochs: y = $a x + $b"
EOT
      }

      env {
        CHECKPOINTS = var.checkpoints
        EPOCHS      = var.epochs
      }

      resources {
        cpus   = 0.5
        memory = "64MiB"
        gpu {
          model = "H100|A100|H200"
        }
      }
    }
  }
}
