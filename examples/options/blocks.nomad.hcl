# Mounts and devices as blocks, as docker's jobs have them.
#
#   containerd-driver run examples/options/blocks.nomad.hcl

job "blocks" {
  datacenters = ["*"]
  type        = "batch"

  group "blocks" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "show" {
      driver = "containerd-driver"

      template {
        destination = "local/conf/greeting"
        data        = "from a template"
      }

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          cat /conf/greeting
          if touch /conf/x 2>/dev/null; then exit 1; fi
          touch /data/x /scratch/x
          df -k /scratch | grep -w 16384
          test "$(stat -c %a /scratch)" = 700
          echo x > /dev/nothing
          if test -s /dev/nothing; then exit 1; fi
          test -c /dev/tunnel
          test "$(cat /proc/sys/net/core/somaxconn)" = 2048
        EOT
        ]

        mount {
          type     = "bind"
          source   = "local/conf"
          target   = "/conf"
          readonly = true

          bind_options {
            propagation = "rslave"
          }
        }

        mount {
          type   = "volume"
          source = "../alloc/data"
          target = "/data"

          volume_options {
            no_copy = true
          }
        }

        mount {
          type   = "tmpfs"
          target = "/scratch"

          tmpfs_options {
            size = 16777216
            mode = 448 # 700 in octal
          }
        }

        devices {
          host_path      = "/dev/null"
          container_path = "/dev/nothing"
        }

        devices {
          host_path          = "/dev/net/tun"
          container_path     = "/dev/tunnel"
          cgroup_permissions = "rw"
        }

        # A list of one map, which is what a block of a job in JSON is; HCL has no block for names with dots.
        sysctl = [{ "net.core.somaxconn" = "2048" }]
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
