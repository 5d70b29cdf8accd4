package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

func aBatchJobEndsWithItsCode(t *testing.T, c *cluster) {
	for _, code := range []int{0, 42} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			made := job(t, api.JobTypeBatch, shell(t, "task", fmt.Sprintf("echo out; echo err >&2; exit %d", code)))
			c.submit(t, made)
			alloc := c.alloc(t, made)
			must.Eq(t, code, c.exit(t, alloc, "task"))
			state, err := c.state(alloc, "task")
			must.NoError(t, err)
			must.Eq(t, code != 0, state.Failed)
			must.Zero(t, state.Restarts)
			c.untilLogs(t, alloc, "task", "stdout", "out\n")
			c.untilLogs(t, alloc, "task", "stderr", "err\n")
		})
	}
}

func aServiceRunsUntilItIsStopped(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeService, shell(t, "task", "trap 'echo stopped; exit 3' INT; echo ready; while true; do sleep 0.05; done"))
	made.TaskGroups[0].Tasks[0].KillSignal = "SIGINT"
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.until(t, alloc, "task", "running")
	c.untilLogs(t, alloc, "task", "stdout", "ready\n")
	_, _, err := c.api.Jobs().Deregister(*made.ID, false, nil)
	must.NoError(t, err)
	must.Eq(t, 3, c.exit(t, alloc, "task"))
	state, err := c.state(alloc, "task")
	must.NoError(t, err)
	must.False(t, state.Failed, must.Sprint(story(state)))
	c.untilLogs(t, alloc, "task", "stdout", "ready\nstopped\n")
}

func aSystemJobRunsOnTheNode(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeSystem, shell(t, "task", idle))
	c.submit(t, made)
	c.until(t, c.alloc(t, made), "task", "running")
}

func aFailedTaskIsRestarted(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeBatch, shell(t, "task", "echo run >> /alloc/runs; [ $(wc -l < /alloc/runs) = 3 ] || exit 7"))
	made.TaskGroups[0].RestartPolicy.Attempts = ref(5)
	c.submit(t, made)
	alloc := c.alloc(t, made)
	must.Eq(t, 0, c.exit(t, alloc, "task"))
	state, err := c.state(alloc, "task")
	must.NoError(t, err)
	must.Eq(t, 2, state.Restarts, must.Sprint(story(state)))
	// The agent keeps the latest ten events; the first end is not among them.
	ends := events(state, api.TaskTerminated)
	must.Eq(t, 7, ends[len(ends)-2].ExitCode)
	must.Eq(t, 0, ends[len(ends)-1].ExitCode)
}

func aHopelessStartFailsTheTask(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeBatch, shell(t, "task", ""))
	made.TaskGroups[0].Tasks[0].Config["command"] = "/no/such/program"
	made.TaskGroups[0].RestartPolicy.Attempts = ref(2)
	c.submit(t, made)
	alloc := c.alloc(t, made)
	state := c.until(t, alloc, "task", "dead")
	must.True(t, state.Failed)
	must.Zero(t, state.Restarts, must.Sprint(story(state)))
	failures := events(state, api.TaskDriverFailure)
	must.SliceLen(t, 1, failures, must.Sprint(story(state)))
	must.StrContains(t, failures[0].DisplayMessage, "/no/such/program")
}

func tasksShareAlloc(t *testing.T, c *cluster) {
	writer := shell(t, "writer", "echo shared > /alloc/data/file; echo own > /local/file; "+idle)
	reader := shell(t, "reader", "until [ -s /alloc/data/file ]; do sleep 0.05; done; cat /alloc/data/file; [ ! -e /local/file ]")
	writer.Leader = false
	reader.Leader = true
	made := job(t, api.JobTypeBatch, writer, reader)
	c.submit(t, made)
	alloc := c.alloc(t, made)
	must.Eq(t, 0, c.exit(t, alloc, "reader"))
	c.untilLogs(t, alloc, "reader", "stdout", "shared\n")
	c.until(t, alloc, "writer", "dead")
}

func lifecycleTasksHaveTheirTurn(t *testing.T, c *cluster) {
	say := func(name, hook string, sidecar bool, script string) *api.Task {
		task := shell(t, name, "echo "+name+" >> /alloc/order; "+script)
		if hook != "" {
			task.Lifecycle = &api.TaskLifecycle{Hook: hook, Sidecar: sidecar}
		}
		return task
	}
	made := job(t, api.JobTypeBatch,
		say("first", api.TaskLifecycleHookPrestart, false, ""),
		say("beside", api.TaskLifecycleHookPrestart, true, idle),
		say("main", "", false, "grep -q first /alloc/order"),
		say("last", api.TaskLifecycleHookPoststop, false, "sort /alloc/order; tail -n1 /alloc/order"))
	c.submit(t, made)
	alloc := c.alloc(t, made)
	must.Eq(t, 0, c.exit(t, alloc, "last"))
	must.Eq(t, 0, c.exit(t, alloc, "first"))
	must.Eq(t, 0, c.exit(t, alloc, "main"))
	c.until(t, alloc, "beside", "dead")
	c.untilLogs(t, alloc, "last", "stdout", "beside\nfirst\nlast\nmain\nlast\n")
}

func longAndOddNamesRun(t *testing.T, c *cluster) {
	for kind, name := range map[string]string{
		"long":        strings.Repeat("a-task.", 18) + "ab",
		"two dashes":  "a--task",
		"underscores": "_a__task_",
		"dots":        "a..task.",
		"upper":       "A.Task-1",
	} {
		t.Run(kind, func(t *testing.T) {
			made := job(t, api.JobTypeService, shell(t, name, "echo here; "+idle))
			c.submit(t, made)
			alloc := c.alloc(t, made)
			c.until(t, alloc, name, "running")
			c.untilLogs(t, alloc, name, "stdout", "here\n")
			code, out, _ := c.exec(t, alloc, name, false, strings.NewReader(""), "echo", "inside")
			must.Eq(t, 0, code)
			must.Eq(t, "inside\n", out)
		})
	}
}

func aPurgedJobIsCollected(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeService, shell(t, "task", "trap '' TERM; while true; do sleep 0.05; done"))
	made.TaskGroups[0].Tasks[0].KillTimeout = ref(time.Second)
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.until(t, alloc, "task", "running")
	c.purge(t, *made.ID)
	must.NoError(t, c.api.System().GarbageCollect())
	harness.Eventually(t, limit, "the directory of the allocation is gone", func() error {
		mounts, err := harness.MountsBeneath(c.allocs)
		if err != nil {
			return err
		}
		for _, mount := range mounts {
			if strings.Contains(mount, alloc.ID) {
				return fmt.Errorf("mounted: %s", mount)
			}
		}
		return missing(c.allocs + "/" + alloc.ID)
	})
}
