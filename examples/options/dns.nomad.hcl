# The group's resolver, which wins over the host's and over the image's.
#
#   containerd-driver run examples/options/dns.nomad.hcl

job "dns" {
  datacenters = ["*"]
  type        = "batch"

  group "dns" {
    network {
      dns {
        servers  = ["10.0.0.53"]
        searches = ["example.com"]
        options  = ["ndots:2"]
      }
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

      config {
        image    = "docker.io/library/busybox:1"
        command  = "/bin/cat"
        args     = ["/etc/resolv.conf"]
        host_dns = false
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
