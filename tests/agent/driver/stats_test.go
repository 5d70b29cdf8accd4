package driver

import (
	"context"
	"strconv"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

// sample collects the usage of a task for a while.
func sample(t *testing.T, plugin *harness.Plugin, id string, interval, period time.Duration) []*drivers.TaskResourceUsage {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := plugin.TaskStats(ctx, id, interval)
	must.NoError(t, err)
	var samples []*drivers.TaskResourceUsage
	end := time.After(period)
	for {
		select {
		case usage, open := <-stream:
			must.True(t, open, must.Sprintf("the stream has ended after %d samples", len(samples)))
			must.NotNil(t, usage.ResourceUsage)
			must.NotNil(t, usage.ResourceUsage.CpuStats)
			must.NotNil(t, usage.ResourceUsage.MemoryStats)
			must.Positive(t, usage.Timestamp)
			samples = append(samples, usage)
		case <-end:
			return samples
		}
	}
}

func TestStatsShowABusyCore(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "while true; do :; done", func(config *drivers.TaskConfig) {
		config.Resources.LinuxResources.CPUShares = 1024
	})
	status, err := plugin.InspectTask(task.Config.ID)
	must.NoError(t, err)
	pid, err := strconv.Atoi(status.DriverAttributes["pid"])
	must.NoError(t, err)
	watch := harness.WatchCPU(t, pid)
	samples := sample(t, plugin, task.Config.ID, time.Second, 10*time.Second)
	must.GreaterEq(t, 6, len(samples))
	// How much of a core the task got depends on what else runs: the kernel's own count is the measure. The first
	// sample may be older than the watch.
	samples = samples[1:]
	var told, ticks float64
	for i, usage := range samples[1:] {
		wall := time.Duration(usage.Timestamp - samples[i].Timestamp)
		cpu := usage.ResourceUsage.CpuStats
		told += cpu.Percent / 100 * wall.Seconds()
		ticks += cpu.TotalTicks
	}
	least, most, known := watch.Between(t, samples[0].Timestamp, samples[len(samples)-1].Timestamp)
	must.True(t, known)
	said := must.Sprintf("the kernel counts %s to %s", least, most)
	must.Between(t, 0.95*least.Seconds(), told, 1.05*most.Seconds(), said)
	must.Positive(t, told, must.Sprint("the task did not run"))
	must.Positive(t, ticks)
	t.Logf("told %.3f s; the kernel counts %s to %s", told, least, most)
}

func TestStatsShowWhatATaskHolds(t *testing.T) {
	plugin := begin(t)
	const held = 32 << 20
	// The shell that holds the variable must not hand its process over to its last command.
	script := "x=$(head -c 33554432 /dev/zero | tr '\\0' x); echo ready; while true; do sleep 0.1; done"
	task := plugin.Run(t, script, func(config *drivers.TaskConfig) {
		config.Resources = harness.Resources(config.AllocID, config.Name, 256)
	})
	task.UntilLog(t, "stdout", "ready\n")
	samples := sample(t, plugin, task.Config.ID, time.Second, 3*time.Second)
	memory := samples[len(samples)-1].ResourceUsage.MemoryStats
	must.GreaterEq(t, uint64(held), memory.RSS, must.Sprintf("%+v", memory))
	must.GreaterEq(t, uint64(held), memory.Usage)
	must.GreaterEq(t, uint64(held), memory.MaxUsage)
	must.LessEq(t, uint64(256<<20), memory.Usage)
}

func TestStatsEndWithTheCallOrTheTask(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"exit 0")
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := plugin.TaskStats(ctx, task.Config.ID, 100*time.Millisecond)
	must.NoError(t, err)
	harness.Receive(t, harness.Limit, "a first sample", stream)
	cancel()
	untilClosed(t, stream)

	stream, err = plugin.TaskStats(context.Background(), task.Config.ID, 100*time.Millisecond)
	must.NoError(t, err)
	release(t, task)
	task.Wait(t)
	untilClosed(t, stream)
}

func untilClosed(t *testing.T, stream <-chan *drivers.TaskResourceUsage) {
	t.Helper()
	limit := time.After(harness.Limit)
	for {
		select {
		case _, open := <-stream:
			if !open {
				return
			}
		case <-limit:
			t.Fatal("\nthe stream goes on")
		}
	}
}
