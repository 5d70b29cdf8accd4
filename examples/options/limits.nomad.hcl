# Limits, sizes and kernel parameters: the task prints what it has and ends.
#
#   containerd-driver run examples/options/limits.nomad.hcl

job "limits" {
  datacenters = ["*"]
  type        = "batch"

  group "limits" {
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

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          test "$(ulimit -n)" = 1024
          test "$(df -k /dev/shm | awk 'END { print $2 }')" = 131072
          test "$(cat /proc/sys/net/core/somaxconn)" = 2048
          test "$(grep Cpus_allowed_list /proc/self/status | cut -f2)" = 0
          ! touch /written 2>/dev/null
          echo "all limits hold"
        EOT
        ]

        file_limit         = 1024
        pids_limit         = 64
        shm_size           = "128M"
        cpuset_cpus        = "0"
        cpuset_mems        = "0"
        readonly_rootfs    = true
        image_pull_timeout = "10m"

        sysctl = {
          "net.core.somaxconn" = "2048"
        }
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
