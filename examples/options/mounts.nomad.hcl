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
        args    = ["-ec", "cat /conf/greeting; ! touch /conf/x; touch /data/x; df -k /scratch /small; test -c /dev/net/tun"]

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
