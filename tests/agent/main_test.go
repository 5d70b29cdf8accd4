package agent

import (
	"os"
	"testing"

	"containerd-driver.test/agent/harness"
)

// asAgent is set in the environment of a process that is to be a Nomad agent and no test, to its name.
const asAgent = "AGENT_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		os.Exit(runAgent(os.Args[1:]))
	}
	// Where it is set, Nomad's test agent waits four times as long for itself (Nomad, testutil.TestMultiplier).
	if err := os.Setenv("CI", "true"); err != nil {
		panic(err)
	}
	os.Exit(harness.Main(m, "agent"))
}
