package driver

import (
	"fmt"
	"os"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

// trapping is a script that says when its traps are set and then waits for signals.
func trapping(traps string) string {
	return traps + "; echo ready; while true; do sleep 0.05; done"
}

func TestASignalReachesTheTask(t *testing.T) {
	plugin := begin(t)
	for number, name := range map[int]string{1: "SIGHUP", 2: "SIGINT", 10: "SIGUSR1", 15: "SIGTERM", 28: "SIGWINCH"} {
		t.Run(name, func(t *testing.T) {
			task := plugin.Run(t, trapping(fmt.Sprintf("trap 'exit %d' %d", number, number)))
			task.UntilLog(t, "stdout", "ready\n")
			must.NoError(t, plugin.SignalTask(task.Config.ID, name))
			must.Eq(t, &drivers.ExitResult{ExitCode: number}, task.Wait(t))
		})
	}
}

func TestADeathBySignalNamesIt(t *testing.T) {
	plugin := begin(t)
	t.Run("of the first process", func(t *testing.T) {
		task := plugin.Run(t, "sleep 1000")
		must.NoError(t, plugin.SignalTask(task.Config.ID, "SIGKILL"))
		must.Eq(t, &drivers.ExitResult{ExitCode: 137, Signal: 9}, task.Wait(t))
	})
	for _, number := range []int{1, 2, 6, 11, 15} {
		t.Run(fmt.Sprintf("%d of a child", number), func(t *testing.T) {
			// The kernel keeps most signals from the first process of a pid namespace; a shell passes on
			// how its child died.
			task := plugin.Run(t, fmt.Sprintf("sh -c 'kill -%d $$'", number)+"; exit $?")
			must.Eq(t, &drivers.ExitResult{ExitCode: 128 + number, Signal: number}, task.Wait(t))
		})
	}
}

func TestAnUnknownSignalIsRefusedByName(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	for _, name := range []string{"SIGNOPE", "", "DETACHED"} {
		err := plugin.SignalTask(task.Config.ID, name)
		must.ErrorContains(t, err, "invalid signal: "+name)
	}
	status, err := plugin.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, drivers.TaskStateRunning, status.State)
}

func TestATaskThatIsKilledForMemorySaysSo(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "exec tail /dev/zero", func(config *drivers.TaskConfig) {
		config.Resources = harness.Resources(config.AllocID, config.Name, 24)
	})
	must.Eq(t, &drivers.ExitResult{ExitCode: 137, Signal: 9, OOMKilled: true}, task.Wait(t))
}

func TestATaskStopsByTheSignalThatItHandles(t *testing.T) {
	plugin := begin(t)
	for signal, trap := range map[string]string{"SIGUSR2": "USR2", "": "TERM", "SIGINT": "INT"} {
		t.Run("signal "+signal, func(t *testing.T) {
			task := plugin.Run(t, trapping("trap 'echo stopped; exit 7' "+trap))
			task.UntilLog(t, "stdout", "ready\n")
			must.NoError(t, plugin.StopTask(task.Config.ID, harness.Limit, signal))
			// The call returns when the task is dead, not before.
			status, err := plugin.InspectTask(task.Config.ID)
			must.NoError(t, err)
			must.Eq(t, drivers.TaskStateExited, status.State)
			must.Eq(t, &drivers.ExitResult{ExitCode: 7}, task.Wait(t))
			task.UntilLog(t, "stdout", "ready\nstopped\n")
		})
	}
}

func TestAStopThatNamesNoSignalUsesTheImages(t *testing.T) {
	plugin := begin(t)
	// This image's STOPSIGNAL is SIGUSR1.
	env := harness.Env(t)
	must.NoError(t, daemon(t).Import(env.Images, "busybox-config"))
	reference, err := env.Reference("busybox-config")
	must.NoError(t, err)
	task := plugin.Prepare(t, map[string]any{
		"image":      reference,
		"entrypoint": []string{"/bin/sh", "-c", trapping("trap 'exit 9' USR1")},
	}).Start(t)
	task.UntilLog(t, "stdout", "ready\n")
	must.NoError(t, plugin.StopTask(task.Config.ID, harness.Limit, ""))
	must.Eq(t, &drivers.ExitResult{ExitCode: 9}, task.Wait(t))
}

func TestATaskThatIgnoresTheSignalIsKilledAtTheTimeout(t *testing.T) {
	plugin := begin(t)
	const timeout = 2 * time.Second
	task := plugin.Run(t, trapping("trap '' TERM"))
	task.UntilLog(t, "stdout", "ready\n")
	before := time.Now()
	must.NoError(t, plugin.StopTask(task.Config.ID, timeout, "SIGTERM"))
	must.GreaterEq(t, timeout, time.Since(before), must.Sprint("killed before its time"))
	must.Eq(t, &drivers.ExitResult{ExitCode: 137, Signal: 9}, task.Wait(t))
}

func TestChildrenThatIgnoreTheSignalEndWithTheTask(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "trap 'exit 4' TERM; sh -c \"trap '' TERM; echo child; while true; do sleep 0.05; done\" & "+
		"while true; do sleep 0.05; done")
	task.UntilLog(t, "stdout", "child\n")
	listed, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	must.NoError(t, plugin.StopTask(task.Config.ID, harness.Limit, "SIGTERM"))
	must.Eq(t, &drivers.ExitResult{ExitCode: 4}, task.Wait(t))
	_, err = os.Stat(fmt.Sprintf("/proc/%d", listed.Pid))
	must.ErrorIs(t, err, os.ErrNotExist)
}

func TestAStopWithAnUnknownSignalSaysItAndLeavesTheTaskToAGoodOne(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, trapping("trap 'exit 5' TERM"))
	task.UntilLog(t, "stdout", "ready\n")
	err := plugin.StopTask(task.Config.ID, harness.Limit, "SIGNOPE")
	must.ErrorContains(t, err, "invalid signal: SIGNOPE")
	must.NoError(t, plugin.StopTask(task.Config.ID, harness.Limit, "SIGTERM"))
	must.Eq(t, &drivers.ExitResult{ExitCode: 5}, task.Wait(t))
}

func TestStoppingAnEndedTaskIsSuccess(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "exit 6")
	must.Eq(t, 6, task.Wait(t).ExitCode)
	must.NoError(t, plugin.StopTask(task.Config.ID, harness.Limit, "SIGTERM"))
	must.NoError(t, plugin.StopTask(task.Config.ID, 0, ""))
	must.Eq(t, 6, task.Wait(t).ExitCode)
}

func TestTwoStopsAtOnceAreOne(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, trapping("trap 'exit 8' TERM"))
	task.UntilLog(t, "stdout", "ready\n")
	stops := make(chan error, 2)
	for range 2 {
		go func() { stops <- plugin.StopTask(task.Config.ID, harness.Limit, "") }()
	}
	for range 2 {
		must.NoError(t, harness.Receive(t, harness.Limit, "the end of a stop", stops))
	}
	must.Eq(t, 8, task.Wait(t).ExitCode)
}
