# Directories of the allocation and the host, memory file systems in both shapes, and devices.
#
#   containerd-driver run examples/options/mounts.nomad.hcl

job "mounts" {
  datacenters = ["*"]
  type        = "batch"

  group "mounts" {
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
          touch /data/x
          test -s /host-etc/passwd
          if touch /host-etc/x 2>/dev/null; then exit 1; fi
          df -k /scratch /small
          test -c /dev/net/tun
          echo x > /dev/nothing
        EOT
        ]

        mounts = [
          { type = "bind", source = "local/conf", target = "/conf", options = ["rbind", "ro"] },
          { source = "../alloc/data", target = "/data", options = ["rbind", "rw"] },
          { type = "bind", source = "/etc", target = "/host-etc", readonly = true },
          { type = "tmpfs", target = "/small", options = ["size=1m"] },
          { type = "tmpfs", target = "/scratch", tmpfs_options = { size = 16777216 } },
        ]

        devices = ["/dev/net/tun", "/dev/null:/dev/nothing:rw"]
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
