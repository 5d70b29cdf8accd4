// Package driver holds the plugin alone to HashiCorp's own client, case by case.
package driver

import (
	"os"
	"testing"

	"containerd-driver.test/agent/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m, "driver")) }

// begin starts a plugin for a case that runs beside others.
func begin(t *testing.T) *harness.Plugin {
	t.Helper()
	t.Parallel()
	return harness.Launch(t, nil)
}

// daemon is the run's namespace of the private containerd.
func daemon(t *testing.T) harness.Containerd {
	t.Helper()
	return harness.Containerd{Address: harness.Env(t).Address, Namespace: harness.CurrentRun().Namespace}
}
