# Fewer privileges than usual for one task, all of the host's for another. A node whose operator has
# security = "strict" or allow_privileged = false refuses the second one.
#
#   containerd-driver run examples/options/privileges.nomad.hcl

job "privileges" {
  datacenters = ["*"]
  type        = "batch"

  group "privileges" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "confined" {
      driver = "containerd-driver"

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args    = ["-ec", "grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status; ! unshare -U true"]

        cap_drop = ["all"]
        cap_add  = ["net_bind_service"]
        seccomp  = true
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }

    task "privileged" {
      driver = "containerd-driver"

      config {
        image   = "docker.io/library/busybox:1"
        command = "/bin/sh"
        args    = ["-ec", "mkdir /m; mount -t tmpfs none /m; umount /m; test $$ != 1; ls /dev | wc -l"]

        privileged = true
        pid_mode   = "host"
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
