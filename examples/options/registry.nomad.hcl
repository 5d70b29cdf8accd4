# An image of a registry that wants to know who asks. Without a user it is asked for as anybody may.
#
#   containerd-driver run --var user=alice --var password=… examples/options/registry.nomad.hcl

variable "user" {
  default = ""
}

variable "password" {
  default = ""
}

job "registry" {
  datacenters = ["*"]
  type        = "batch"

  group "registry" {
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
        command = "/bin/echo"
        args    = ["the image is here"]

        auth {
          username       = var.user
          password       = var.password
          email          = "alice@example.com"
          server_address = "docker.io"
          tls_verify     = true
        }
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
