package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

// limit is how long one step of a job may take on a loaded machine.
const limit = 90 * time.Second

// cluster is an agent as its users see it.
type cluster struct {
	api    *api.Client
	daemon harness.Containerd
	// allocs is the directory of the allocations on this machine, stateDir the driver's own.
	allocs, stateDir string
	// registry is the agent's Consul, where it has one.
	registry *registry
}

// node gives the only node, with its drivers.
func (c *cluster) node() (*api.Node, error) {
	nodes, _, err := c.api.Nodes().List(nil)
	if err != nil {
		return nil, err
	}
	if len(nodes) != 1 {
		return nil, fmt.Errorf("%d nodes", len(nodes))
	}
	node, _, err := c.api.Nodes().Info(nodes[0].ID, nil)
	return node, err
}

// untilReady waits until the node takes jobs for the driver.
func (c *cluster) untilReady(t testing.TB) {
	t.Helper()
	harness.Eventually(t, limit, "the node and its driver are ready", func() error {
		return c.healthy(true)
	})
}

func (c *cluster) healthy(want bool) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	driver := node.Drivers["containerd-driver"]
	switch {
	case node.Status != api.NodeStatusReady:
		return fmt.Errorf("the node is %s", node.Status)
	case driver == nil:
		return fmt.Errorf("the node has no containerd-driver")
	case driver.Healthy != want:
		return fmt.Errorf("the driver is healthy: %t, %s", driver.Healthy, driver.HealthDescription)
	}
	return nil
}

// submit registers a job and purges it at the end of the case.
func (c *cluster) submit(t *testing.T, job *api.Job) {
	t.Helper()
	t.Cleanup(func() { c.purge(t, *job.ID) })
	c.update(t, job)
}

// update registers a job, or a new version of one.
func (c *cluster) update(t *testing.T, job *api.Job) {
	t.Helper()
	answer, _, err := c.api.Jobs().Register(job, nil)
	must.NoError(t, err)
	must.Eq(t, "", answer.Warnings)
}

// alloc waits for the newest allocation of a job.
func (c *cluster) alloc(t *testing.T, job *api.Job) *api.Allocation {
	t.Helper()
	return c.all(t, job, 1)[0]
}

// all waits for so many allocations of a job, newest first.
func (c *cluster) all(t *testing.T, job *api.Job, count int) []*api.Allocation {
	t.Helper()
	var found []*api.Allocation
	harness.Eventually(t, limit, fmt.Sprintf("%d allocations of %s", count, *job.ID), func() error {
		stubs, _, err := c.api.Jobs().Allocations(*job.ID, true, nil)
		if err != nil {
			return err
		}
		if len(stubs) < count {
			return fmt.Errorf("%d allocations; %s", len(stubs), c.blocked(*job.ID))
		}
		found = nil
		for _, stub := range stubs {
			alloc, _, err := c.api.Allocations().Info(stub.ID, nil)
			if err != nil {
				return err
			}
			found = append(found, alloc)
		}
		return nil
	})
	for i := range found {
		for j := i + 1; j < len(found); j++ {
			if found[j].CreateIndex > found[i].CreateIndex {
				found[i], found[j] = found[j], found[i]
			}
		}
	}
	return found
}

// blocked says why a job was not placed.
func (c *cluster) blocked(id string) string {
	evaluations, _, err := c.api.Jobs().Evaluations(id, nil)
	if err != nil {
		return err.Error()
	}
	var reasons []string
	for _, evaluation := range evaluations {
		for group, metrics := range evaluation.FailedTGAllocs {
			reasons = append(reasons, fmt.Sprintf("%s: %v %v", group, metrics.ConstraintFiltered, metrics.DimensionExhausted))
		}
	}
	return strings.Join(reasons, "; ")
}

// state looks at a task of an allocation.
func (c *cluster) state(alloc *api.Allocation, task string) (*api.TaskState, error) {
	now, _, err := c.api.Allocations().Info(alloc.ID, nil)
	if err != nil {
		return nil, err
	}
	state := now.TaskStates[task]
	if state == nil {
		return nil, fmt.Errorf("no state of %s in %s", task, now.ClientStatus)
	}
	return state, nil
}

// until waits for a state ("running", "dead") of a task.
func (c *cluster) until(t *testing.T, alloc *api.Allocation, task, want string) *api.TaskState {
	t.Helper()
	var found *api.TaskState
	harness.Eventually(t, limit, fmt.Sprintf("%s is %s", task, want), func() error {
		state, err := c.state(alloc, task)
		if err != nil {
			return err
		}
		found = state
		if state.State != want {
			return fmt.Errorf("%s: %s", state.State, story(state))
		}
		return nil
	})
	return found
}

// story tells the events of a task.
func story(state *api.TaskState) string {
	var told []string
	for _, event := range state.Events {
		told = append(told, event.Type+": "+event.DisplayMessage)
	}
	return strings.Join(told, " | ")
}

// exit waits for the end of a task and gives its last exit code.
func (c *cluster) exit(t *testing.T, alloc *api.Allocation, task string) int {
	t.Helper()
	state := c.until(t, alloc, task, "dead")
	ends := events(state, api.TaskTerminated)
	must.SliceNotEmpty(t, ends, must.Sprint(story(state)))
	return ends[len(ends)-1].ExitCode
}

func events(state *api.TaskState, kind string) []*api.TaskEvent {
	var found []*api.TaskEvent
	for _, event := range state.Events {
		if event.Type == kind {
			found = append(found, event)
		}
	}
	return found
}

// logs reads a whole stream ("stdout", "stderr") of a task through the API.
func (c *cluster) logs(alloc *api.Allocation, task, stream string) (string, error) {
	cancel := make(chan struct{})
	defer close(cancel)
	frames, errs := c.api.AllocFS().Logs(alloc, false, task, stream, api.OriginStart, 0, cancel, nil)
	var text bytes.Buffer
	if frames == nil {
		return "", <-errs
	}
	for {
		select {
		case err := <-errs:
			return "", err
		case frame, open := <-frames:
			if !open {
				return text.String(), nil
			}
			text.Write(frame.Data)
		}
	}
}

// untilLogs waits until a task has written exactly that.
func (c *cluster) untilLogs(t *testing.T, alloc *api.Allocation, task, stream, want string) {
	t.Helper()
	harness.Eventually(t, limit, "the log of "+task, func() error {
		got, err := c.logs(alloc, task, stream)
		if err == nil && got != want {
			err = fmt.Errorf("expected %q, got %q", shorten(want), shorten(got))
		}
		return err
	})
}

func shorten(text string) string {
	if len(text) <= 400 {
		return text
	}
	return text[:200] + " … " + text[len(text)-200:]
}

// exec runs a command in a task through the API.
func (c *cluster) exec(t *testing.T, alloc *api.Allocation, task string, tty bool, stdin io.Reader, words ...string) (int, string, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out, errs bytes.Buffer
	code, err := c.api.Allocations().Exec(ctx, alloc, task, tty, words, stdin, &out, &errs, nil, nil)
	must.NoError(t, err)
	return code, out.String(), errs.String()
}

// purge stops a job and waits until nothing of it is left on this machine.
func (c *cluster) purge(t *testing.T, id string) {
	t.Helper()
	allocs, _, err := c.api.Jobs().Allocations(id, true, nil)
	must.NoError(t, err)
	_, _, err = c.api.Jobs().Deregister(id, true, nil)
	must.NoError(t, err)
	for _, alloc := range allocs {
		harness.Eventually(t, limit, "the allocation has ended", func() error {
			now, _, err := c.api.Allocations().Info(alloc.ID, nil)
			if err != nil {
				if strings.Contains(err.Error(), "404") {
					return nil
				}
				return err
			}
			if !now.ClientTerminalStatus() {
				return fmt.Errorf("%s", now.ClientStatus)
			}
			return nil
		})
		harness.Eventually(t, limit, "containerd keeps nothing of the allocation", func() error {
			for _, what := range c.daemon.Leftovers() {
				if strings.Contains(what, alloc.ID) {
					return fmt.Errorf("left: %s", what)
				}
			}
			return nil
		})
		harness.Eventually(t, limit, "the driver keeps nothing of the allocation", func() error {
			files, err := filepath.Glob(filepath.Join(c.stateDir, "tasks", "*"+alloc.ID+"*"))
			if err == nil && len(files) > 0 {
				err = fmt.Errorf("left: %v", files)
			}
			return err
		})
	}
}
