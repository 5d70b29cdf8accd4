# Namespaces of the host, in docker's words and in podman's. A node whose operator has security = "strict", or leaves
# the modes out of allowed_modes, refuses both tasks.
#
#   containerd-driver run examples/options/namespaces.nomad.hcl

job "namespaces" {
  datacenters = ["*"]
  type        = "batch"

  group "namespaces" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "docker" {
      driver = "containerd-driver"

      # Before the other one, which reads what it writes.
      lifecycle {
        hook = "prestart"
      }

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          for kind in net pid ipc uts user; do
            # Its parent is a process of the host; only such a capability lets the task see what that is in.
            test "$(readlink /proc/self/ns/$kind)" = "$(readlink /proc/$PPID/ns/$kind)"
            readlink "/proc/$PPID/ns/$kind" > "/alloc/data/$kind"
          done
          echo "all namespaces are the host's"
        EOT
        ]

        network_mode = "host"
        pid_mode     = "host"
        ipc_mode     = "host"
        uts_mode     = "host"
        userns_mode  = "host"
        cap_add      = ["sys_ptrace"]
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }

    task "podman" {
      driver = "containerd-driver"

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          for kind in net user; do
            test "$(readlink "/proc/self/ns/$kind")" = "$(cat "/alloc/data/$kind")"
          done
          for kind in pid ipc uts; do
            test "$(readlink "/proc/self/ns/$kind")" != "$(cat "/alloc/data/$kind")"
          done
          echo "the network and the users alone are the host's"
        EOT
        ]

        host_network = true
        pid_mode     = "private"
        ipc_mode     = "shareable"
        uts_mode     = "private"
        userns       = "host"
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
