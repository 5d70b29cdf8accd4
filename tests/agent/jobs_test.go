package agent

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

// idle is the end of a script that waits until it is stopped.
const idle = "trap 'exit 0' TERM; sleep 1000 & wait"

func ref[T any](value T) *T { return &value }

// shell is a task that runs a script in the busybox image.
func shell(t *testing.T, name, script string) *api.Task {
	t.Helper()
	reference, err := harness.Env(t).Reference("busybox")
	must.NoError(t, err)
	return &api.Task{
		Name:   name,
		Driver: "containerd-driver",
		Config: map[string]any{
			"image":   reference,
			"command": "/bin/sh",
			"args":    []string{"-c", script},
		},
		Resources:   &api.Resources{CPU: ref(20), MemoryMB: ref(32)},
		KillTimeout: ref(30 * time.Second),
	}
}

// job makes a job of one group that is named after its case and neither restarts nor reschedules.
func job(t *testing.T, kind string, tasks ...*api.Task) *api.Job {
	t.Helper()
	id := strings.ToLower(regexp.MustCompile("[^A-Za-z0-9]+").ReplaceAllString(t.Name(), "-"))
	group := api.NewTaskGroup("group", 1)
	group.Tasks = tasks
	group.RestartPolicy = &api.RestartPolicy{
		Attempts: ref(0),
		Interval: ref(time.Hour),
		Delay:    ref(time.Second),
		Mode:     ref("fail"),
	}
	if kind != api.JobTypeSystem {
		group.ReschedulePolicy = &api.ReschedulePolicy{Attempts: ref(0), Unlimited: ref(false)}
	}
	made := &api.Job{
		ID:          ref(id),
		Name:        ref(id),
		Type:        ref(kind),
		Datacenters: []string{"*"},
		TaskGroups:  []*api.TaskGroup{group},
	}
	if kind == api.JobTypeService {
		// A deployment is healthy as soon as its tasks run.
		group.Update = &api.UpdateStrategy{
			MinHealthyTime:  ref(time.Millisecond),
			HealthyDeadline: ref(time.Minute),
			HealthCheck:     ref("task_states"),
		}
	}
	return made
}
