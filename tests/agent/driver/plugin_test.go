package driver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/base"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/hashicorp/nomad/plugins/drivers/fsisolation"
	"github.com/shoenig/test/must"
)

func TestThePluginSaysWhatItIs(t *testing.T) {
	plugin := begin(t)
	info, err := plugin.PluginInfo()
	must.NoError(t, err)
	must.Eq(t, base.PluginTypeDriver, info.Type)
	must.Eq(t, "containerd-driver", info.Name)
	must.SliceContains(t, info.PluginApiVersions, drivers.ApiVersion010)
	capabilities, err := plugin.Capabilities()
	must.NoError(t, err)
	must.True(t, capabilities.SendSignals)
	must.True(t, capabilities.Exec)
	must.False(t, capabilities.MustInitiateNetwork)
	must.False(t, capabilities.DisableLogCollection)
	must.Eq(t, fsisolation.Image, capabilities.FSIsolation)
	must.Eq(t, drivers.MountConfigSupportAll, capabilities.MountConfigs)
	must.True(t, capabilities.HasNetIsolationMode(drivers.NetIsolationModeGroup))
}

func TestTheFirstFingerprintComesAtOnceAndNamesContainerd(t *testing.T) {
	plugin := begin(t)
	print := plugin.UntilHealthy(t)
	_, there := print.Attributes["driver.containerd.containerd_revision"]
	must.True(t, there)
	version, there := print.Attributes["driver.containerd.containerd_version"]
	must.True(t, there)
	// A distribution's build may lack the revision, never the version.
	told, ok := version.GetString()
	must.True(t, ok)
	must.NotEq(t, "", told)
}

// firstPrint is how long a client waits for the first fingerprint.
const firstPrint = 50 * time.Second

func TestWithoutContainerdThePluginLoadsAndIsUndetected(t *testing.T) {
	t.Parallel()
	// The directory of the task that fails stays as a note of what to look for when containerd appears.
	plugin := harness.Launch(t, map[string]any{
		"containerd_addr": filepath.Join(t.TempDir(), "none.sock"),
		"state_dir":       t.TempDir(),
	})
	prints, err := plugin.Fingerprint(t.Context())
	must.NoError(t, err)
	print := harness.Receive(t, firstPrint, "a first fingerprint", prints)
	must.NoError(t, print.Err)
	must.Eq(t, drivers.HealthStateUndetected, print.Health)
	_, err = plugin.TaskConfigSchema()
	must.NoError(t, err)
	task := plugin.Prepare(t, harness.Shell(t, "exit 0"))
	_, _, err = plugin.StartTask(task.Config)
	must.Error(t, err)
	// The client tries again later only when it is told that this can help.
	must.True(t, isRecoverable(err), must.Sprintf("not recoverable: %v", err))
}

func isRecoverable(err error) bool {
	recoverable, ok := err.(interface{ IsRecoverable() bool })
	return ok && recoverable.IsRecoverable()
}

func TestADisabledPluginIsUndetected(t *testing.T) {
	t.Parallel()
	plugin := harness.Launch(t, map[string]any{"enabled": false})
	prints, err := plugin.Fingerprint(t.Context())
	must.NoError(t, err)
	print := harness.Receive(t, firstPrint, "a first fingerprint", prints)
	must.Eq(t, drivers.HealthStateUndetected, print.Health)
}

func TestAnImageThatIsNowhereIsAnErrorThatNamesIt(t *testing.T) {
	plugin := begin(t)
	options := harness.Shell(t, "exit 0")
	// Port 9 (discard) of the machine itself: refused at once.
	options["image"] = "127.0.0.1:9/no/such/image:1"
	task := plugin.Prepare(t, options)
	_, _, err := plugin.StartTask(task.Config)
	must.ErrorContains(t, err, "127.0.0.1:9/no/such/image:1")
	wantNothingOf(t, task)
}

func TestBadTaskOptionsAreRefusedBeforeAnythingIsDone(t *testing.T) {
	plugin := begin(t)
	options := harness.Shell(t, "exit 0")
	options["cwd"] = "relative"
	task := plugin.Prepare(t, options)
	_, _, err := plugin.StartTask(task.Config)
	must.ErrorContains(t, err, "cwd")
	must.False(t, isRecoverable(err))
	wantNothingOf(t, task)
}

func TestEventsBelongToTheirTask(t *testing.T) {
	plugin := begin(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events, err := plugin.TaskEvents(ctx)
	must.NoError(t, err)
	task := plugin.Run(t, "exit 0")
	task.Wait(t)
	event := harness.Receive(t, harness.Limit, "an event of the start", events)
	must.NoError(t, event.Err)
	must.Eq(t, task.Config.ID, event.TaskID)
	must.Eq(t, task.Config.AllocID, event.AllocID)
	must.Eq(t, task.Config.Name, event.TaskName)
	must.NotEq(t, "", event.Message)
	must.False(t, event.Timestamp.IsZero())
}

func TestTheEventsOfAnIdlePluginNeverEnd(t *testing.T) {
	plugin := begin(t)
	events, err := plugin.TaskEvents(t.Context())
	must.NoError(t, err)
	prints, err := plugin.Fingerprint(t.Context())
	must.NoError(t, err)
	end := time.After(5 * time.Second)
	for {
		select {
		case event, open := <-events:
			t.Fatalf("\nan event of nothing: %v, open %t", event, open)
		case print, open := <-prints:
			must.True(t, open, must.Sprint("the fingerprints have ended"))
			must.NoError(t, print.Err)
		case <-end:
			return
		}
	}
}

func TestStartedByHandTheBinaryIsNoPlugin(t *testing.T) {
	t.Parallel()
	command := exec.Command(harness.Env(t).DriverBin)
	command.Env = append(os.Environ(), base.Handshake.MagicCookieKey+"=wrong")
	out, err := command.Output()
	var exit *exec.ExitError
	must.ErrorAs(t, err, &exit)
	must.Eq(t, 1, exit.ExitCode())
	must.Eq(t, "", string(out))
	must.NotEq(t, "", strings.TrimSpace(string(exit.Stderr)))
}
