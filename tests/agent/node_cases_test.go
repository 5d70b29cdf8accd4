package agent

import (
	"fmt"
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
	_, err = c.daemon.TaskOf(alloc.ID)
	must.Error(t, err)
}

func thirtyTasksAtOnce(t *testing.T, c *cluster) {
	const count = 30
	task := shell(t, "task", "echo instance $NOMAD_ALLOC_INDEX; sleep 1; exit 0")
	task.Resources = &api.Resources{CPU: ref(10), MemoryMB: ref(16)}
	made := job(t, api.JobTypeBatch, task)
	made.TaskGroups[0].Count = ref(count)
	c.submit(t, made)
	for _, alloc := range c.all(t, made, count) {
		must.Eq(t, 0, c.exit(t, alloc, "task"))
		index := alloc.Name[len(*made.ID)+len(".group["):]
		c.untilLogs(t, alloc, "task", "stdout", "instance "+index[:len(index)-1]+"\n")
	}
}
