package driver

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

// gate makes a script wait for release.
const gate = "until [ -e /local/go ]; do sleep 0.05; done; "

// release lets a task pass its gate.
func release(t *testing.T, task *harness.Case) {
	t.Helper()
	must.NoError(t, os.WriteFile(filepath.Join(task.Config.TaskDir().LocalDir, "go"), nil, 0o644))
}

// wantNotFound expects the text by which the client's own drivers say that they do not know a task.
func wantNotFound(t *testing.T, err error) {
	t.Helper()
	must.Error(t, err)
	must.StrContains(t, err.Error(), drivers.ErrTaskNotFound.Error())
}

// waitError gives the error of a wait, which the client reports in the call or as the result.
func waitError(t *testing.T, plugin *harness.Plugin, id string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Limit)
	defer cancel()
	results, err := plugin.WaitTask(ctx, id)
	if err != nil {
		return err
	}
	return harness.Receive(t, harness.Limit, "an answer to a wait", results).Err
}
