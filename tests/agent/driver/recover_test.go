package driver

import (
	"reflect"
	"syscall"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/hashicorp/nomad/plugins/drivers/testutils"
	"github.com/shoenig/test/must"
)

// kept is a handle as an agent gives it back after a restart: the driver's own options are not in it.
func kept(task *harness.Case) *drivers.TaskHandle {
	var config drivers.TaskConfig
	from, to := reflect.ValueOf(task.Config).Elem(), reflect.ValueOf(&config).Elem()
	for i := range from.NumField() {
		if from.Type().Field(i).IsExported() {
			to.Field(i).Set(from.Field(i))
		}
	}
	handle := task.Handle.Copy()
	handle.Config = &config
	return handle
}

// take moves a task to another plugin process, which then answers for it.
func take(t *testing.T, task *harness.Case, to *harness.Plugin) *harness.Case {
	t.Helper()
	must.NoError(t, to.RecoverTask(kept(task)))
	moved := &harness.Case{Plugin: to, Config: task.Config, Handle: task.Handle,
		Harness: testutils.NewDriverHarness(t, to.DriverPlugin)}
	t.Cleanup(func() { _ = to.DestroyTask(task.Config.ID, true) })
	return moved
}

func TestARecoveryInTheSameProcessIsARepeat(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"exit 42")
	before, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	again := take(t, task, plugin.Reattach(t))
	take(t, task, again.Plugin)
	after, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	must.Eq(t, before, after)
	release(t, task)
	must.Eq(t, &drivers.ExitResult{ExitCode: 42}, again.Wait(t))
	must.Eq(t, &drivers.ExitResult{ExitCode: 42}, task.Wait(t))
}

func TestATaskIsRecoveredInANewProcessAsItRuns(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, trapping("trap 'exit 11' USR1"))
	task.UntilLog(t, "stdout", "ready\n")
	before, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	plugin.Kill(t)
	again := take(t, task, plugin.Successor(t))
	status, err := again.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, drivers.TaskStateRunning, status.State)
	after, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	must.Eq(t, before, after)

	result, err := again.ExecTask(task.Config.ID, []string{"/bin/sh", "-c", "echo again; exit 3"}, harness.Limit)
	must.NoError(t, err)
	must.Eq(t, "again\n", string(result.Stdout))
	must.Eq(t, 3, result.ExitResult.ExitCode)
	code, out, _ := testutils.ExecTask(t, again.Harness, task.Config.ID, "head -n1", true, "a line\n")
	must.Eq(t, 0, code)
	must.Eq(t, "a line\r\na line\r\n", out)
	must.SliceNotEmpty(t, sample(t, again.Plugin, task.Config.ID, harness.Pause, 40*harness.Pause))

	must.NoError(t, again.SignalTask(task.Config.ID, "SIGUSR1"))
	must.Eq(t, &drivers.ExitResult{ExitCode: 11}, again.Wait(t))
	must.NoError(t, again.DestroyTask(task.Config.ID, false))
	wantNothingOf(t, task)
}

func TestATaskThatEndedWithoutAPluginKeepsItsCode(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"echo last; exit 42")
	listed, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	plugin.Kill(t)
	release(t, task)
	task.UntilLog(t, "stdout", "last\n")
	harness.Eventually(t, harness.Limit, "the process is gone", func() error { return gone(listed.Pid) })
	again := take(t, task, plugin.Successor(t))
	must.Eq(t, &drivers.ExitResult{ExitCode: 42}, again.Wait(t))
	status, err := again.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, drivers.TaskStateExited, status.State)
}

func TestATaskThatWasKilledForMemoryWithoutAPluginStillSaysSo(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, gate+"exec tail /dev/zero", func(config *drivers.TaskConfig) {
		config.Resources = harness.Resources(config.AllocID, config.Name, 24)
	})
	listed, err := daemon(t).TaskOf(task.Config.AllocID)
	must.NoError(t, err)
	plugin.Kill(t)
	release(t, task)
	harness.Eventually(t, harness.Limit, "the process is gone", func() error { return gone(listed.Pid) })
	again := take(t, task, plugin.Successor(t))
	must.Eq(t, &drivers.ExitResult{ExitCode: 137, Signal: 9, OOMKilled: true}, again.Wait(t))
}

func TestARemovedTaskIsNotRecovered(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "exit 0")
	task.Wait(t)
	must.NoError(t, plugin.DestroyTask(task.Config.ID, true))
	plugin.Kill(t)
	again := plugin.Successor(t)
	must.Error(t, again.RecoverTask(kept(task)))
	// The client then destroys by force and starts the task anew.
	_ = again.DestroyTask(task.Config.ID, true)
	wantNotFound(t, waitError(t, again, task.Config.ID))
}

func TestATaskThatNeverWasIsNotRecovered(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	handle := kept(task)
	handle.DriverState = []byte("no state of any driver")
	must.Error(t, plugin.Successor(t).RecoverTask(handle))
	must.Error(t, plugin.RecoverTask(&drivers.TaskHandle{Version: handle.Version, Config: handle.Config}))
}

// gone fails while a process is there that is not yet a zombie.
func gone(pid int) error {
	if err := syscall.Kill(pid, 0); err != nil {
		return nil
	}
	return errText("it is there")
}
