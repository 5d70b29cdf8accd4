# What a task gets only on a node that was prepared for it: a host volume, a seccomp profile and a CDI device.
#
#   client {
#     host_volume "greetings" {
#       path      = "/srv/greetings" # with a file `hello`
#       read_only = true
#     }
#     meta {
#       # {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
#       no_mkdir_profile = "/etc/nomad.d/no-mkdir.json"
#     }
#   }
#
# and in /etc/cdi/greeting.yaml:
#
#   cdiVersion: 0.6.0
#   kind: example.com/greeting
#   devices:
#   - name: hello
#     containerEdits:
#       env: [GREETING=hello]
#
# It needs an agent: `containerd-driver run` has neither volumes nor a client's meta.

job "prepared" {
  datacenters = ["*"]
  type        = "batch"

  group "prepared" {
    constraint {
      attribute = "${meta.no_mkdir_profile}"
      operator  = "is_set"
    }

    volume "greetings" {
      type      = "host"
      source    = "greetings"
      read_only = true
    }

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

      volume_mount {
        volume      = "greetings"
        destination = "/greetings"
        read_only   = true
      }

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          cat /greetings/hello
          if touch /greetings/x 2>/dev/null; then exit 1; fi
          if mkdir /made 2>/dev/null; then exit 1; fi
          echo "$GREETING from a device"
        EOT
        ]

        seccomp         = true
        seccomp_profile = "${meta.no_mkdir_profile}"
        devices         = ["example.com/greeting=hello"]
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
