# The host name, further lines of the hosts file, and the resolver file of the image.
#
#   containerd-driver run examples/options/names.nomad.hcl

job "names" {
  datacenters = ["*"]
  type        = "batch"

  group "names" {
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
          hostname
          hostname -i
          grep -w db /etc/hosts
          grep -w six /etc/hosts
          # The resolver file is the image's own, if it has one: nothing is mounted there.
          if grep -q ' /etc/resolv.conf ' /proc/mounts; then exit 1; fi
        EOT
        ]

        hostname    = "names-1"
        host_dns    = false
        extra_hosts = ["db:10.0.0.5", "six:2001:db8::6"]
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
