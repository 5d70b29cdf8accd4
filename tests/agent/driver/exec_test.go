package driver

import (
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/hashicorp/nomad/plugins/drivers/testutils"
	"github.com/shoenig/test/must"
)

func TestStreamingExecConformsToTheClientsOwnCases(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	// The helper's exec goes to the wrapped client itself; its other calls pass once more through a
	// server of Go's, as those of Nomad's own driver tests do.
	testutils.ExecTaskStreamingConformanceTests(t, task.Harness, task.Config.ID)
}

func TestExecGivesOutputAndCode(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	result, err := plugin.ExecTask(task.Config.ID, []string{"/bin/sh", "-c", "echo out; echo err >&2; exit 43"}, harness.Limit)
	must.NoError(t, err)
	must.Eq(t, "out\n", string(result.Stdout))
	must.Eq(t, "err\n", string(result.Stderr))
	must.Eq(t, 43, result.ExitResult.ExitCode)
}

func TestExecEndsAtItsTimeout(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	before := time.Now()
	result, err := plugin.ExecTask(task.Config.ID, []string{"sleep", "999"}, time.Second)
	must.Less(t, 30*time.Second, time.Since(before))
	if err == nil {
		must.NotEq(t, 0, result.ExitResult.ExitCode)
	}
	harness.Eventually(t, harness.Limit, "the command is ended", func() error {
		listed, err := plugin.ExecTask(task.Config.ID, []string{"/bin/sh", "-c", "ps | grep -c '[s]leep 999' || true"}, harness.Limit)
		if err != nil {
			return err
		}
		if count := strings.TrimSpace(string(listed.Stdout)); count != "0" {
			return errText("still running: " + count)
		}
		return nil
	})
}

func TestExecOfAMissingCommandIsAnErrorAndTheTaskGoesOn(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	result, err := plugin.ExecTask(task.Config.ID, []string{"/no/such/program"}, harness.Limit)
	if err == nil {
		must.NotEq(t, 0, result.ExitResult.ExitCode)
	}
	status, err := plugin.InspectTask(task.Config.ID)
	must.NoError(t, err)
	must.Eq(t, drivers.TaskStateRunning, status.State)
}

func TestTheTasksResolverIsTheJobs(t *testing.T) {
	plugin := begin(t)
	for name, dns := range map[string]*drivers.DNSConfig{
		"everything": {Servers: []string{"192.0.2.1", "192.0.2.2"}, Searches: []string{"example.test"}, Options: []string{"ndots:2"}},
		"servers":    {Servers: []string{"192.0.2.3"}},
		"searches":   {Searches: []string{"one.test", "two.test"}},
		"host's":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			task := plugin.Run(t, "sleep 1000", func(config *drivers.TaskConfig) { config.DNS = dns })
			testutils.TestTaskDNSConfig(t, task.Harness, task.Config.ID, dns)
		})
	}
}

type errText string

func (e errText) Error() string { return string(e) }
