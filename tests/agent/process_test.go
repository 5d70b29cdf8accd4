package agent

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/cli"
	"github.com/hashicorp/nomad/api"
	"github.com/hashicorp/nomad/command/agent"
	"github.com/hashicorp/nomad/version"
	"github.com/shoenig/test/must"
)

// runAgent is the command `nomad agent`; it ends only by a signal.
func runAgent(args []string) int {
	command := &agent.Command{
		Version:    version.GetVersion(),
		Ui:         &cli.BasicUi{Reader: os.Stdin, Writer: os.Stdout, ErrorWriter: os.Stderr},
		ShutdownCh: make(chan struct{}),
	}
	return command.Run(args)
}

// process is an agent in a process of its own, with all that it keeps over a restart.
type process struct {
	cluster
	name    string
	command *exec.Cmd
	config  string
	plugins string
	starts  int
}

// beginProcess starts an agent of that name over a containerd; it ends with the case.
func beginProcess(t *testing.T, name string, daemon harness.Containerd) *process {
	t.Helper()
	run := harness.CurrentRun()
	dir := filepath.Join(run.Dir, name)
	must.NoError(t, os.MkdirAll(dir, 0o755))
	p := &process{name: name, config: filepath.Join(dir, "agent.hcl"), plugins: pluginDir(t, dir)}
	ports := ownPorts(t, 3)
	must.NoError(t, os.WriteFile(p.config, []byte(fmt.Sprintf(agentConfig, name, dir, p.plugins,
		ports[0], ports[1], ports[2], harness.Env(t).CNIPath, daemon.Address, daemon.Namespace,
		filepath.Join(dir, "state"))), 0o644))
	client, err := api.NewClient(&api.Config{Address: fmt.Sprintf("http://127.0.0.1:%d", ports[0])})
	must.NoError(t, err)
	p.cluster = cluster{api: client, daemon: daemon, allocs: filepath.Join(dir, "alloc"), stateDir: filepath.Join(dir, "state")}
	p.start(t)
	t.Cleanup(func() { p.end(t) })
	return p
}

// The plugin's node is on loopback, for which Nomad wants to be told what to advertise.
const agentConfig = `
name                 = %q
data_dir             = %q
plugin_dir           = %q
bind_addr            = "127.0.0.1"
log_level            = "TRACE"
disable_update_check = true
leave_on_interrupt   = false
leave_on_terminate   = false
ports {
  http = %d
  rpc  = %d
  serf = %d
}
advertise {
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}
telemetry {
  publish_allocation_metrics = true
}
limits {
  http_max_conns_per_client = 10000
}
server {
  enabled          = true
  bootstrap_expect = 1
  raft_multiplier  = 1
}
client {
  enabled           = true
  network_interface = "lo"
  cni_path          = %q

  # A full disk of the host must not take away the logs of an ended task while a case reads them.
  gc_disk_usage_threshold  = 100
  gc_inode_usage_threshold = 100
  gc_max_allocs            = 1000

  options {
    "driver.allowlist"     = "containerd-driver"
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault"
  }
}
plugin "containerd-driver" {
  config {
    containerd_addr      = %q
    containerd_namespace = %q
    state_dir            = %q

    # A Destroy that dies with its plugin is not repeated by Nomad: what it leaves is the reaper's.
    gc {
      dangling_containers {
        period         = "2s"
        creation_grace = "10s"
      }
    }
  }
}
`

// pluginDir makes a directory that holds the binary alone.
func pluginDir(t *testing.T, dir string) string {
	t.Helper()
	plugins := filepath.Join(dir, "plugins")
	must.NoError(t, os.MkdirAll(plugins, 0o755))
	binary, err := os.ReadFile(harness.Env(t).DriverBin)
	must.NoError(t, err)
	must.NoError(t, os.WriteFile(filepath.Join(plugins, "containerd-driver"), binary, 0o755))
	return plugins
}

// ownPorts gives ports that stay the test's own while no agent listens on them: from beneath the range that the kernel
// hands out of itself, downwards, and each kept from other runs of these tests by an abstract socket of its name.
func ownPorts(t *testing.T, count int) []int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	must.NoError(t, err)
	var low, high int
	_, err = fmt.Sscan(string(text), &low, &high)
	must.NoError(t, err)
	var ports []int
	for port := low - 1; port >= 1024 && len(ports) < count; port-- {
		kept, err := net.Listen("unix", fmt.Sprintf("@containerd-driver.test/port/%d", port))
		if err != nil {
			continue
		}
		if isFree(port) {
			t.Cleanup(func() { _ = kept.Close() })
			ports = append(ports, port)
		} else {
			_ = kept.Close()
		}
	}
	must.SliceLen(t, count, ports, must.Sprintf("too few ports are free beneath those that the kernel hands out, %d to %d", low, high))
	return ports
}

// isFree tells of a port on which nobody listens or receives: an agent does both on that of serf.
func isFree(port int) bool {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer listener.Close()
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	defer packets.Close()
	return true
}

// start starts the agent and waits until its node takes jobs.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.launch(t)
	p.untilReady(t)
}

// log is the file that the agent writes since it was started last.
func (p *process) log() string {
	return p.logOf(p.starts)
}

// logOf is the file that the agent wrote after one of its starts, from 1.
func (p *process) logOf(start int) string {
	return filepath.Join(harness.CurrentRun().Logs, fmt.Sprintf("agent-%s.%d.log", p.name, start))
}

// logged gives the lines that contain all the words, over all starts of the agent.
func (p *process) logged(t *testing.T, words ...string) []string {
	t.Helper()
	var found []string
	for start := 1; start <= p.starts; start++ {
		found = append(found, p.loggedBy(t, start, words...)...)
	}
	return found
}

// loggedBy gives those that the agent wrote after one of its starts.
func (p *process) loggedBy(t *testing.T, start int, words ...string) []string {
	t.Helper()
	text, err := os.ReadFile(p.logOf(start))
	must.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(text)) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			found = append(found, line)
		}
	}
	return found
}

// launch starts the agent's process.
func (p *process) launch(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	must.NoError(t, err)
	p.starts++
	log, err := os.Create(p.log())
	must.NoError(t, err)
	defer log.Close()
	p.command = exec.Command(self, "-config", p.config)
	p.command.Env = append(os.Environ(), asAgent+"="+p.name)
	p.command.Stdout, p.command.Stderr = log, log
	must.NoError(t, p.command.Start())
}

// kill ends the agent with SIGKILL.
func (p *process) kill(t *testing.T) {
	t.Helper()
	must.NoError(t, p.command.Process.Kill())
	_ = p.command.Wait()
}

// pluginPids lists the running plugin processes of this agent's binary, and is empty while none runs.
func (p *process) pluginPids(t *testing.T) []int {
	t.Helper()
	return pidsOf(t, filepath.Join(p.plugins, "containerd-driver"))
}

func pidsOf(t *testing.T, binary string) []int {
	t.Helper()
	var pids []int
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	must.NoError(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == binary {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			must.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// end stops the agent and what it left running: a plugin and the log collectors outlive an agent.
func (p *process) end(t *testing.T) {
	t.Helper()
	_ = p.command.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = p.command.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = p.command.Process.Kill()
	}
	for _, pid := range p.pluginPids(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range p.collectors(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if t.Failed() {
		t.Logf("the agent's last words:\n%s", harness.Tail(p.log(), 60))
	}
}

// collectors lists the log collectors that this agent has started.
func (p *process) collectors(t *testing.T) []int {
	t.Helper()
	self, err := os.Executable()
	must.NoError(t, err)
	var pids []int
	for _, pid := range pidsOf(t, self) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(line), "\x00logmon") && p.marked(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// marked tells a descendant of this agent from one of another's.
func (p *process) marked(pid int) bool {
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && strings.Contains("\x00"+string(environment), "\x00"+asAgent+"="+p.name+"\x00")
}
