package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/nomad/client/lib/numalib"
	"github.com/hashicorp/nomad/plugins/base"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

// Plugin is one connection of HashiCorp's client to a process of the driver.
type Plugin struct {
	drivers.DriverPlugin
	// Pid is the process.
	Pid int

	client *plugin.Client
	reach  *plugin.ReattachConfig
	config map[string]any
}

var launched atomic.Int64

// Launch starts the binary and configures it as an agent does, with the options of config on top of the
// run's own address, namespace and state directory. The process ends with the case.
func Launch(t *testing.T, config map[string]any) *Plugin {
	t.Helper()
	env, run := Env(t), CurrentRun()
	whole := map[string]any{
		"containerd_addr":      env.Address,
		"containerd_namespace": run.Namespace,
		"state_dir":            filepath.Join(run.Dir, "state"),
	}
	for key, value := range config {
		whole[key] = value
	}
	p := connect(t, &plugin.ClientConfig{Cmd: exec.Command(env.DriverBin)}, whole)
	p.configure(t)
	return p
}

// Reattach opens a second connection to the same process, as an agent that was started anew does: without
// configuring it again.
func (p *Plugin) Reattach(t *testing.T) *Plugin {
	t.Helper()
	return connect(t, &plugin.ClientConfig{Reattach: p.reach}, p.config)
}

// Successor starts another process with the same configuration.
func (p *Plugin) Successor(t *testing.T) *Plugin {
	t.Helper()
	return Launch(t, p.config)
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Plugin) Kill(t *testing.T) {
	t.Helper()
	process, err := os.FindProcess(p.Pid)
	must.NoError(t, err)
	must.NoError(t, process.Kill())
	Eventually(t, Limit, "the plugin is gone", func() error {
		if !p.client.Exited() {
			return fmt.Errorf("process %d is there", p.Pid)
		}
		return nil
	})
}

func connect(t *testing.T, config *plugin.ClientConfig, options map[string]any) *Plugin {
	t.Helper()
	logger := logger(t)
	config.HandshakeConfig = base.Handshake
	config.Plugins = map[string]plugin.Plugin{
		base.PluginTypeBase:   &base.PluginBase{},
		base.PluginTypeDriver: drivers.NewDriverPlugin(nil, logger),
	}
	config.AllowedProtocols = []plugin.Protocol{plugin.ProtocolGRPC}
	config.Logger = logger
	client := plugin.NewClient(config)
	t.Cleanup(client.Kill)
	connection, err := client.Client()
	must.NoError(t, err)
	raw, err := connection.Dispense(base.PluginTypeDriver)
	must.NoError(t, err)
	driver, ok := raw.(drivers.DriverPlugin)
	must.True(t, ok, must.Sprint("what was dispensed is no driver"))
	reach := client.ReattachConfig()
	return &Plugin{DriverPlugin: driver, Pid: reach.Pid, client: client, reach: reach, config: options}
}

// logger writes to a file of this connection; its last lines are shown when the case fails.
func logger(t *testing.T) hclog.Logger {
	name := strings.NewReplacer("/", ".", " ", "_").Replace(t.Name())
	path := filepath.Join(CurrentRun().Logs, fmt.Sprintf("%s.%d.log", name, launched.Add(1)))
	file, err := os.Create(path)
	must.NoError(t, err)
	t.Cleanup(func() {
		_ = file.Close()
		if t.Failed() {
			t.Logf("the last lines of the plugin's log:\n%s", Tail(path, 40))
		}
	})
	return hclog.New(&hclog.LoggerOptions{Name: "client", Level: hclog.Trace, Output: file})
}

// Tail gives the last lines of a file.
func Tail(path string, count int) string {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(bytes)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

func (p *Plugin) configure(t *testing.T) {
	t.Helper()
	info, err := p.PluginInfo()
	must.NoError(t, err)
	schema, err := p.ConfigSchema()
	must.NoError(t, err)
	must.NoError(t, p.SetConfig(&base.Config{
		ApiVersion:   info.PluginApiVersions[len(info.PluginApiVersions)-1],
		PluginConfig: Encode(t, schema, p.config),
		AgentConfig: &base.AgentConfig{Driver: &base.ClientDriverConfig{
			ClientMinPort: 14000,
			ClientMaxPort: 14512,
			Topology:      topology(),
		}},
	}))
}

// topology is what the client tells of the machine. Its function that lists the scanners takes other
// arguments in other versions.
func topology() *numalib.Topology {
	return numalib.Scan([]numalib.SystemScanner{
		new(numalib.Sysfs), new(numalib.Cgroups1), new(numalib.Cgroups2), new(numalib.Fallback),
	})
}

// UntilHealthy waits for the driver's own word that it can run tasks.
func (p *Plugin) UntilHealthy(t *testing.T) *drivers.Fingerprint {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	prints, err := p.Fingerprint(ctx)
	must.NoError(t, err)
	for {
		select {
		case print, open := <-prints:
			must.True(t, open, must.Sprint("the stream of fingerprints has ended"))
			must.NoError(t, print.Err)
			if print.Health == drivers.HealthStateHealthy {
				return print
			}
			t.Logf("not healthy: %s", print.HealthDescription)
		case <-ctx.Done():
			t.Fatal("\nthe driver did not become healthy")
		}
	}
}
