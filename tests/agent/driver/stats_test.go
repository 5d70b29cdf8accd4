package driver

import (
	"context"
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
	plugin := harness.Launch(t, nil)
	task := plugin.Run(t, "while true; do :; done", func(config *drivers.TaskConfig) {
		config.Resources.LinuxResources.CPUShares = 2000
	})
	samples := sample(t, plugin, task.Config.ID, time.Second, 10*time.Second)
	must.GreaterEq(t, 8, len(samples))
	// The machine has other work: the median says what the task got.
	var busy int
	for _, usage := range samples[1:] {
		cpu := usage.ResourceUsage.CpuStats
		must.Less(t, 130, cpu.Percent)
		if cpu.Percent > 50 {
			busy++
			must.Positive(t, cpu.TotalTicks)
		}
	}
	must.GreaterEq(t, len(samples)/2, busy, must.Sprint("too few samples of a busy core"))
}

func TestStatsShowWhatATaskHolds(t *testing.T) {
	plugin := begin(t)
	const held = 32 << 20
	// A tmpfs of the task is charged to it as shared memory, a shell variable as resident memory.
	script := "x=$(head -c 33554432 /dev/zero | tr '\\0' x); echo ready; sleep 1000"
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
			t.Fatal("the stream goes on")
		}
	}
}
