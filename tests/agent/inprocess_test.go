package agent

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/command/agent"
	"github.com/hashicorp/nomad/nomad/structs"
	"github.com/hashicorp/nomad/nomad/structs/config"
	"github.com/shoenig/test/must"
)

// TestUnderAnAgent runs its cases under one agent, server and client, in this process.
func TestUnderAnAgent(t *testing.T) {
	c := beginAgent(t)
	for _, file := range lonely {
		t.Run(file, func(t *testing.T) { exampleRuns(t, c, file) })
	}
	t.Parallel()
	t.Run("beside each other", func(t *testing.T) {
		for name, holds := range casesBeside {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				holds(t, c)
			})
		}
	})
	// These change the node, load it so that others would suffer, or have the ended jobs of all collected.
	for name, holds := range casesAlone {
		t.Run(name, func(t *testing.T) { holds(t, c) })
	}
}

type holds func(t *testing.T, c *cluster)

var casesBeside = map[string]holds{
	"a batch job ends with its task's code":          aBatchJobEndsWithItsCode,
	"a service runs until it is stopped":             aServiceRunsUntilItIsStopped,
	"a system job runs on the node":                  aSystemJobRunsOnTheNode,
	"logs are complete":                              logsAreComplete,
	"exec carries streams, terminals and sizes":      execCarriesStreams,
	"signals reach the task":                         signalsReachTheTask,
	"stats are of the task":                          statsAreOfTheTask,
	"a failed task is restarted as its policy says":  aFailedTaskIsRestarted,
	"an update in place keeps the process":           anUpdateInPlaceKeepsTheProcess,
	"a destructive update replaces the process":      aDestructiveUpdateReplaces,
	"a template's change script runs in the task":    aChangeScriptRuns,
	"a service of the group is registered and alive": aServiceIsRegistered,
	"a script check runs in the task":                aScriptCheckRunsInTheTask,
	"a published port of a bridge is reached":        aPublishedPortIsReached,
	"host volumes are mounted with their rights":     hostVolumesAreMounted,
	"tasks of a group share /alloc":                  tasksShareAlloc,
	"prestart and poststop tasks have their turn":    lifecycleTasksHaveTheirTurn,
	"long and odd names run":                         longAndOddNamesRun,
	"an allocation is restarted on demand":           anAllocationIsRestarted,
	"a start that can not succeed fails the task":    aHopelessStartFailsTheTask,
	"every example runs as it is":                    examplesRun,
}

var casesAlone = map[string]holds{
	"a drained node moves its tasks away": aDrainedNodeMovesItsTasks,
	"a job that is purged is collected":   aPurgedJobIsCollected,
	"thirty tasks at once":                thirtyTasksAtOnce,
}

// The bridge of this run's groups; removed at the end, as are its addresses.
const (
	bridgeName   = "cdagent0"
	bridgeSubnet = "172.31.231.0/24"
)

func beginAgent(t *testing.T) *cluster {
	t.Helper()
	env, run := harness.Env(t), harness.CurrentRun()
	// The bridge, its addresses and the device of an example are the host's.
	harness.HaveHostAlone(t)
	dir := filepath.Join(run.Dir, "inside")
	must.NoError(t, os.MkdirAll(dir, 0o755))
	for _, volume := range []string{"read-only", "read-write"} {
		must.NoError(t, os.MkdirAll(filepath.Join(dir, volume), 0o777))
	}
	profile := prepareExamples(t, dir)
	daemon := harness.Containerd{Address: env.Address, Namespace: run.Namespace}
	must.NoError(t, daemon.Import(env.Images, "redis"))

	consul, address := beginRegistry(t)
	a := agent.NewTestAgent(t, "inside", func(c *agent.Config) {
		c.DataDir = dir
		c.NomadConfig.DataDir = dir
		c.PluginDir = pluginDir(t, dir)
		c.Plugins = []*config.PluginConfig{{Name: "containerd-driver", Config: map[string]any{
			"containerd_addr":      daemon.Address,
			"containerd_namespace": daemon.Namespace,
			"state_dir":            filepath.Join(dir, "state"),
		}}}
		// Every look of every case may be a connection of its own.
		c.Limits.HTTPMaxConnsPerClient = ref(10_000)
		c.Client.Enabled = true
		c.Client.NetworkInterface = "lo"
		c.Client.CNIPath = env.CNIPath
		// As in the configuration of a separate agent.
		c.Client.GCDiskUsageThreshold, c.Client.GCInodeUsageThreshold, c.Client.GCMaxAllocs = 100, 100, 1000
		c.Client.BridgeNetworkName = bridgeName
		c.Client.BridgeNetworkSubnet = bridgeSubnet
		c.Client.Options["driver.allowlist"] = "containerd-driver"
		c.Client.Options["fingerprint.denylist"] = "env_aws,env_gce,env_azure,env_digitalocean,vault"
		c.Consuls[0].Addr = address
		c.Client.HostVolumes = []*structs.ClientHostVolumeConfig{
			{Name: "read-only", Path: filepath.Join(dir, "read-only"), ReadOnly: true},
			{Name: "read-write", Path: filepath.Join(dir, "read-write")},
			{Name: greetings, Path: filepath.Join(dir, greetings), ReadOnly: true},
		}
		c.Client.Meta = map[string]string{"no_mkdir_profile": profile}
		// Tasks may have a memory_max.
		c.Server.DefaultSchedulerConfig = &structs.SchedulerConfiguration{MemoryOversubscriptionEnabled: true}
	})
	t.Cleanup(func() {
		a.Shutdown()
		removeBridge(t)
		if t.Failed() {
			t.Logf("the agent's last words:\n%s", harness.Tail(filepath.Join(run.Logs, "agent.log"), 60))
		}
	})
	c := &cluster{api: a.APIClient(), daemon: daemon, allocs: filepath.Join(dir, "alloc"), stateDir: filepath.Join(dir, "state"), registry: consul}
	c.untilReady(t)
	return c
}

// removeBridge takes away what an agent leaves on a machine of its bridge.
func removeBridge(t *testing.T) {
	t.Helper()
	for _, words := range [][]string{
		{"ip", "link", "delete", bridgeName},
		{"iptables", "-D", "NOMAD-ADMIN", "-d", bridgeSubnet, "-o", bridgeName, "-j", "ACCEPT"},
	} {
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			// There is none when no group with a bridge was among the chosen cases.
			t.Logf("%v: %s", words, out)
		}
	}
}
