package driver

import (
	"errors"
	"strings"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

// wantNothingOf expects that containerd keeps nothing of a task; a shim ends after its task was removed.
func wantNothingOf(t *testing.T, task *harness.Case) {
	t.Helper()
	harness.Eventually(t, harness.Limit, "nothing is left of the task", func() error {
		for _, what := range daemon(t).Leftovers() {
			if strings.Contains(what, task.Config.AllocID) {
				return errors.New(what)
			}
		}
		return nil
	})
}

func TestARunningTaskIsDestroyedOnlyByForce(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	must.Error(t, plugin.DestroyTask(task.Config.ID, false))
	status, err := plugin.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, drivers.TaskStateRunning, status.State)
	must.NoError(t, plugin.DestroyTask(task.Config.ID, true))
	wantNothingOf(t, task)
	_, err = plugin.InspectTask(task.Config.ID)
	wantNotFound(t, err)
}

func TestAnEndedTaskIsDestroyedWithoutForce(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "exit 0")
	task.Wait(t)
	must.NoError(t, plugin.DestroyTask(task.Config.ID, false))
	wantNothingOf(t, task)
}

func TestAWaitingCallerGetsTheEndOfATaskThatIsDestroyed(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	results, err := plugin.WaitTask(t.Context(), task.Config.ID)
	must.NoError(t, err)
	must.NoError(t, plugin.DestroyTask(task.Config.ID, true))
	result := harness.Receive(t, harness.Limit, "the end of the destroyed task", results)
	must.Eq(t, &drivers.ExitResult{ExitCode: 137, Signal: 9}, result)
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	plugin := begin(t)
	options := harness.Shell(t, "")
	options["command"] = "/no/such/program"
	task := plugin.Prepare(t, options)
	_, _, err := plugin.StartTask(task.Config)
	must.ErrorContains(t, err, "/no/such/program")
	wantNothingOf(t, task)
	_, err = plugin.InspectTask(task.Config.ID)
	wantNotFound(t, err)
}
