package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

func aDrainedNodeMovesItsTasks(t *testing.T, c *cluster) {
	node, err := c.node()
	must.NoError(t, err)
	alloc := running(t, c, shell(t, "task", "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done"))
	_, err = c.api.Nodes().UpdateDrain(node.ID, &api.DrainSpec{Deadline: time.Minute}, false, nil)
	must.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.api.Nodes().UpdateDrain(node.ID, nil, true, nil)
		must.NoError(t, err)
		c.untilReady(t)
	})
	c.until(t, alloc, "task", "dead")
	harness.Eventually(t, limit, "the drain is over", func() error {
		now, err := c.node()
		if err == nil && now.DrainStrategy != nil {
			err = fmt.Errorf("it goes on")
		}
		return err
	})
	tasks, err := c.daemon.Tasks()
	must.NoError(t, err)
	for _, task := range tasks {
		must.StrNotContains(t, task.ID, alloc.ID)
	}
}

func thirtyTasksAtOnce(t *testing.T, c *cluster) {
	const count = 30
	task := shell(t, "task", "echo instance $NOMAD_ALLOC_INDEX; trap 'exit 21' TERM; while true; do sleep 0.2; done")
	task.Resources = &api.Resources{CPU: ref(10), MemoryMB: ref(16)}
	made := job(t, api.JobTypeService, task)
	made.TaskGroups[0].Count = ref(count)
	made.TaskGroups[0].Update = nil
	c.submit(t, made)
	allocs := c.all(t, made, count)
	for _, alloc := range allocs {
		index := strings.TrimSuffix(strings.TrimPrefix(alloc.Name, *made.ID+".group["), "]")
		c.untilLogs(t, alloc, "task", "stdout", "instance "+index+"\n")
	}
	tasks, err := c.daemon.Tasks()
	must.NoError(t, err)
	var running int
	for _, task := range tasks {
		if slices.ContainsFunc(allocs, func(alloc *api.Allocation) bool { return strings.Contains(task.ID, alloc.ID) }) {
			must.Eq(t, "RUNNING", task.Status)
			running++
		}
	}
	must.Eq(t, count, running)
	_, _, err = c.api.Jobs().Deregister(*made.ID, false, nil)
	must.NoError(t, err)
	for _, alloc := range allocs {
		must.Eq(t, 21, c.exit(t, alloc, "task"))
	}
}
