# What runs, as whom and where: the entry point in both forms, the user, and the working directory by each of its names.
# What is empty, as variables often are, counts as left out.
#
#   containerd-driver run examples/options/process.nomad.hcl

job "process" {
  datacenters = ["*"]
  type        = "batch"

  group "process" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "cwd" {
      driver = "containerd-driver"
      user   = "nobody:100"

      env {
        GREETING = "hello"
      }

      config {
        image      = "docker.io/library/busybox:1"
        entrypoint = ["/bin/sh", "-ec"]
        cwd        = "/made/for/the/task"
        args = [<<-EOT
          test "$(pwd)" = /made/for/the/task
          test "$(id -u):$(id -g)" = 65534:100
          test "$GREETING" = hello
          echo "the process is as told"
        EOT
        ]
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }

    task "docker" {
      driver = "containerd-driver"

      config {
        image      = "docker.io/library/busybox:1"
        entrypoint = "/bin/pwd"
        command    = ""
        cwd        = ""
        work_dir   = "/docker"
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }

    task "podman" {
      driver = "containerd-driver"

      config {
        image       = "docker.io/library/busybox:1"
        entrypoint  = "/bin/pwd"
        working_dir = "/podman"
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
