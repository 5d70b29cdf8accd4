# A redis server and a client that writes and reads a few keys. The group ends when the client has
# ended, and with its exit code:
#
#   containerd-driver run examples/redis.nomad.hcl
#   nomad job run examples/redis.nomad.hcl

variable "image" {
  description = "An image with redis-server, redis-cli and a shell"
  type        = string
  default     = "docker.io/library/redis:7"
}

variable "keys" {
  description = "How many keys the client writes and reads"
  type        = number
  default     = 5
}

job "redis" {
  datacenters = ["*"]
  type        = "batch"

  group "redis" {
    network {
      port "redis" {}
    }

    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    # Runs before the client and as long as the client does.
    task "server" {
      driver = "containerd-driver"

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      config {
        image        = var.image
        command      = "redis-server"
        args         = ["--bind", "${NOMAD_IP_redis}", "--port", "${NOMAD_PORT_redis}", "--save", ""]
        host_network = true
      }

      kill_timeout = "10s"

      resources {
        cpu    = 100
        memory = 64
      }
    }

    task "client" {
      driver = "containerd-driver"

      template {
        destination = "local/client.sh"
        perms       = "0755"
        data        = <<-EOF
          redis() {
            redis-cli -h "$NOMAD_IP_redis" -p "$NOMAD_PORT_redis" "$@"
          }

          # The server was started before this task, but it may not listen yet.
          tries=0
          until [ "$(redis ping 2>/dev/null)" = PONG ]; do
            tries=$((tries + 1))
            if [ "$tries" -gt 100 ]; then
              echo "no answer from $NOMAD_ADDR_redis" >&2
              exit 1
            fi
            sleep 0.1
          done
          echo "the server answers at $NOMAD_ADDR_redis"

          n=1
          while [ "$n" -le "$KEYS" ]; do
            redis set "key:$n" "value $n of $NOMAD_SHORT_ALLOC_ID" >/dev/null || exit 1
            got=$(redis get "key:$n")
            echo "key:$n is '$got'"
            [ "$got" = "value $n of $NOMAD_SHORT_ALLOC_ID" ] || exit 1
            n=$((n + 1))
          done
          echo "$(redis dbsize) keys written and read"
        EOF
      }

      env {
        KEYS = "${var.keys}"
      }

      config {
        image        = var.image
        command      = "/bin/sh"
        args         = ["/local/client.sh"]
        host_network = true
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
