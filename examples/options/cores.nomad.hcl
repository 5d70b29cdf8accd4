# A core for the task alone.
#
#   containerd-driver run examples/options/cores.nomad.hcl

job "cores" {
  datacenters = ["*"]
  type        = "batch"

  group "cores" {
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
        args    = ["-ec", "grep Cpus_allowed_list /proc/self/status; test $(nproc) = 1"]
      }

      resources {
        cores  = 1
        memory = 32
      }
    }
  }
}
