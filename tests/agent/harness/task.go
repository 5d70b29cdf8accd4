package harness

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/nomad/client/lib/cgroupslib"
	"github.com/hashicorp/nomad/helper/uuid"
	"github.com/hashicorp/nomad/nomad/structs"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/hashicorp/nomad/plugins/drivers/testutils"
	"github.com/shoenig/test/must"
)

// Limit is how long one step of a task may take on a loaded machine.
const Limit = time.Minute

// Case is one task of the driver with its directories and log collector.
type Case struct {
	*Plugin
	Config *drivers.TaskConfig
	// Harness is HashiCorp's, around the same process.
	Harness *testutils.DriverHarness
	Handle  *drivers.TaskHandle
}

// Shell are the options of a task that runs a script in the busybox image.
func Shell(t *testing.T, script string) map[string]any {
	t.Helper()
	reference, err := Env(t).Reference("busybox")
	must.NoError(t, err)
	return map[string]any{"image": reference, "command": "/bin/sh", "args": []string{"-c", script}}
}

// Prepare makes everything of a task that Nomad makes before it calls StartTask.
func (p *Plugin) Prepare(t *testing.T, options map[string]any, changes ...func(*drivers.TaskConfig)) *Case {
	t.Helper()
	alloc, name := uuid.Generate(), "task"
	config := &drivers.TaskConfig{
		ID:            alloc + "/" + name + "/" + uuid.Generate()[:8],
		AllocID:       alloc,
		Name:          name,
		JobName:       "job",
		JobID:         "job",
		TaskGroupName: "group",
		Namespace:     "default",
		NodeName:      "node",
		NodeID:        uuid.Generate(),
		Resources:     Resources(alloc, name, 64),
	}
	for _, change := range changes {
		change(config)
	}
	schema, err := p.TaskConfigSchema()
	must.NoError(t, err)
	must.NoError(t, config.EncodeDriverConfig(Value(t, schema, options)))
	harness := testutils.NewDriverHarness(t, p.DriverPlugin)
	cleanup := harness.MkAllocDir(config, true)
	t.Cleanup(cleanup)
	// The client hands over sockets and files of the task through directories that others may pass.
	must.NoError(t, os.Chmod(config.AllocDir, 0o755))
	return &Case{Plugin: p, Config: config, Harness: harness}
}

// Resources are a task's share of the machine.
func Resources(alloc, task string, memoryMB int64) *drivers.Resources {
	return &drivers.Resources{
		NomadResources: &structs.AllocatedTaskResources{
			Memory: structs.AllocatedMemoryResources{MemoryMB: memoryMB},
			Cpu:    structs.AllocatedCpuResources{CpuShares: 100},
		},
		LinuxResources: &drivers.LinuxResources{
			MemoryLimitBytes: memoryMB << 20,
			CPUShares:        100,
			CpusetCgroupPath: cgroupslib.LinuxResourcesPath(alloc, task, false),
		},
	}
}

// Start starts the task and destroys it at the end of the case.
func (c *Case) Start(t *testing.T) *Case {
	t.Helper()
	t.Cleanup(func() { _ = c.DestroyTask(c.Config.ID, true) })
	handle, network, err := c.StartTask(c.Config)
	must.NoError(t, err)
	must.NotNil(t, handle)
	must.NotNil(t, handle.Config, must.Sprint("a handle without its config can not be restored"))
	must.Eq(t, c.Config.ID, handle.Config.ID)
	must.Positive(t, handle.Version)
	must.Nil(t, network)
	c.Handle = handle
	return c
}

// Run prepares and starts a task that runs a script.
func (p *Plugin) Run(t *testing.T, script string, changes ...func(*drivers.TaskConfig)) *Case {
	t.Helper()
	return p.Prepare(t, Shell(t, script), changes...).Start(t)
}

// Wait waits for the end of the task.
func (c *Case) Wait(t *testing.T) *drivers.ExitResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	results, err := c.WaitTask(ctx, c.Config.ID)
	must.NoError(t, err)
	result := Receive(t, Limit, "the end of the task", results)
	must.NotNil(t, result)
	return result
}

// Log reads what the task wrote to a stream ("stdout" or "stderr").
func (c *Case) Log(t *testing.T, stream string) string {
	t.Helper()
	path := filepath.Join(c.Config.TaskDir().LogDir, c.Config.Name+"."+stream+".0")
	bytes, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		must.NoError(t, err)
	}
	return string(bytes)
}

// UntilLog waits until the task has written exactly that to a stream.
func (c *Case) UntilLog(t *testing.T, stream, text string) {
	t.Helper()
	Eventually(t, Limit, stream+" of the task", func() error {
		if got := c.Log(t, stream); got != text {
			return unlike(text, got)
		}
		return nil
	})
}
