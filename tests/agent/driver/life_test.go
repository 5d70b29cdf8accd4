package driver

import (
	"context"
	"fmt"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

func TestATaskStartsWritesAndEnds(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "echo to stdout; echo to stderr >&2")
	must.Eq(t, &drivers.ExitResult{}, task.Wait(t))
	task.UntilLog(t, "stdout", "to stdout\n")
	task.UntilLog(t, "stderr", "to stderr\n")
}

func TestExitCodesAreReportedAsTheyAre(t *testing.T) {
	plugin := begin(t)
	for _, code := range []int{0, 1, 42, 127, 128, 255} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			result := plugin.Run(t, fmt.Sprintf("exit %d", code)).Wait(t)
			must.Eq(t, &drivers.ExitResult{ExitCode: code}, result)
		})
	}
	t.Run("137", func(t *testing.T) {
		// Runtimes report a death by signal 9 as this code; the two are not told apart.
		result := plugin.Run(t, "exit 137").Wait(t)
		must.Eq(t, &drivers.ExitResult{ExitCode: 137, Signal: 9}, result)
	})
}

func TestThreeCallersWaitForOneEnd(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"exit 42")
	ctx, cancel := context.WithTimeout(context.Background(), harness.Limit)
	defer cancel()
	var waits []<-chan *drivers.ExitResult
	for range 3 {
		results, err := plugin.WaitTask(ctx, task.Config.ID)
		must.NoError(t, err)
		waits = append(waits, results)
	}
	release(t, task)
	for _, results := range waits {
		result := harness.Receive(t, harness.Limit, "the end for one of three", results)
		must.Eq(t, &drivers.ExitResult{ExitCode: 42}, result)
	}
}

func TestAWaitAfterTheEndReturnsAtOnceUntilTheTaskIsDestroyed(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "exit 42")
	for range 3 {
		must.Eq(t, &drivers.ExitResult{ExitCode: 42}, task.Wait(t))
	}
	must.NoError(t, plugin.DestroyTask(task.Config.ID, false))
	wantNotFound(t, waitError(t, plugin, task.Config.ID))
}

func TestAWaitThatIsGivenUpDoesNotTouchTheTask(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"exit 3")
	ctx, cancel := context.WithCancel(context.Background())
	results, err := plugin.WaitTask(ctx, task.Config.ID)
	must.NoError(t, err)
	cancel()
	for result := range results {
		must.ErrorIs(t, result.Err, context.Canceled)
	}
	release(t, task)
	must.Eq(t, &drivers.ExitResult{ExitCode: 3}, task.Wait(t))
}

func TestAStartThatIsRepeatedAdoptsTheRunningTask(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	before, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	handle, _, err := plugin.StartTask(task.Config)
	must.NoError(t, err)
	must.Eq(t, task.Config.ID, handle.Config.ID)
	after, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	must.Eq(t, before, after)
}

func TestAStartUnderANewIDReplacesWhatALostDestroyLeft(t *testing.T) {
	plugin := begin(t)
	first := plugin.Run(t, "sleep 1000")
	again := first.Config.Copy()
	again.ID = first.Config.AllocID + "/task/again"
	t.Cleanup(func() { _ = plugin.DestroyTask(again.ID, true) })
	left, err := daemon(t).TaskOf(first.Config.AllocID)
	must.NoError(t, err)
	_, _, err = plugin.Successor(t).StartTask(again)
	must.NoError(t, err)
	now, err := daemon(t).TaskOf(first.Config.AllocID)
	must.NoError(t, err)
	must.NotEq(t, left.Pid, now.Pid)
}

func TestInspectTellsARunningAndAnEndedTask(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"exit 42")
	must.NoError(t, task.Harness.WaitUntilStarted(task.Config.ID, harness.Limit))
	status, err := plugin.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, task.Config.ID, status.ID)
	must.Eq(t, task.Config.Name, status.Name)
	must.False(t, status.StartedAt.IsZero())
	release(t, task)
	task.Wait(t)
	status, err = plugin.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, drivers.TaskStateExited, status.State)
	must.Eq(t, 42, status.ExitResult.ExitCode)
	must.False(t, status.CompletedAt.Before(status.StartedAt))
}

func TestALineWrittenRightBeforeTheEndArrives(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "for i in $(seq 1000); do echo line $i; done; printf last; printf lost >&2")
	must.Eq(t, 0, task.Wait(t).ExitCode)
	var whole string
	for i := range 1000 {
		whole += fmt.Sprintf("line %d\n", i+1)
	}
	task.UntilLog(t, "stdout", whole+"last")
	task.UntilLog(t, "stderr", "lost")
}

func TestUnknownTasksAreNotFound(t *testing.T) {
	plugin := begin(t)
	unknown := "no-such-alloc/task/12345678"
	wantNotFound(t, waitError(t, plugin, unknown))
	wantNotFound(t, plugin.StopTask(unknown, 0, ""))
	wantNotFound(t, plugin.DestroyTask(unknown, true))
	wantNotFound(t, plugin.SignalTask(unknown, "SIGHUP"))
	_, err := plugin.InspectTask(unknown)
	wantNotFound(t, err)
	_, err = plugin.ExecTask(unknown, []string{"true"}, harness.Limit)
	wantNotFound(t, err)
	// The client reports this one in its log only.
	stats, err := plugin.TaskStats(t.Context(), unknown, harness.Limit)
	must.NoError(t, err)
	untilClosed(t, stats)
}
