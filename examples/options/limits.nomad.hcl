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
          test "$(grep Mems_allowed_list /proc/self/status | cut -f2)" = 0
          if touch /written 2>/dev/null; then exit 1; fi
          # The first file is of cgroup v1, the second of v2.
          limit() { cat "/sys/fs/cgroup/$1" 2>/dev/null || cat "/sys/fs/cgroup/$2"; }
          test "$(limit pids/pids.max pids.max)" = 64
          echo "memory: $(limit memory/memory.limit_in_bytes memory.max)"
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
        # Counts where the operator lets the scheduler give more memory than there is.
        memory_max = 64
      }
    }
  }
}
