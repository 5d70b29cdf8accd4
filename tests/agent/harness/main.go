package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Run is what belongs to one run of a test binary.
type Run struct {
	// Dir holds everything that the run writes; it lies on paths that root owns.
	Dir string
	// Namespace is containerd's namespace of this run.
	Namespace string
	// Logs holds the logs of agents and plugins.
	Logs string

	log, held *os.File
}

var current Run

// CurrentRun gives the run that Main has begun.
func CurrentRun() Run { return current }

// Main runs the cases of a test binary inside a directory and a containerd namespace of their own, and
// fails when they leave something behind.
func Main(m *testing.M, name string) int {
	if err := begin(name); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: %v\n", err)
		return 1
	}
	// HashiCorp's libraries write their logs to standard error; the outcome is on standard output.
	stderr := os.Stderr
	os.Stderr = current.log
	code := m.Run()
	os.Stderr = stderr
	if err := end(); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: left behind by the cases: %v\n", err)
		code = max(code, 1)
	}
	if code == 0 || os.Getenv("AGENT_TEST_LOGS") != "" {
		if err := os.RemoveAll(current.Dir); err != nil {
			fmt.Fprintf(os.Stderr, "FAIL: %v\n", err)
			code = max(code, 1)
		}
	} else {
		fmt.Fprintf(os.Stderr, "logs are in %s\n", current.Logs)
	}
	return code
}

func begin(name string) error {
	env, err := LoadEnvironment()
	if err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("the cases need root, as an agent and containerd do")
	}
	if err := removeStale(); err != nil {
		return err
	}
	// Short: sockets of the plugins lie beneath it.
	dir, err := os.MkdirTemp(runs, runPrefix+name+"-")
	if err != nil {
		return err
	}
	held, err := lock(dir)
	if err != nil {
		return err
	}
	// Tasks of other users pass through.
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	logs := os.Getenv("AGENT_TEST_LOGS")
	if logs == "" {
		logs = filepath.Join(dir, "logs")
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	temp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temp, 0o1777); err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", temp); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(logs, name+".log"))
	if err != nil {
		return err
	}
	current = Run{Dir: dir, Namespace: filepath.Base(dir), Logs: logs, log: log, held: held}
	return Containerd{Address: env.Address, Namespace: current.Namespace}.Import(env.Images, "busybox")
}

func end() error {
	env, err := LoadEnvironment()
	if err != nil {
		return err
	}
	daemon := Containerd{Address: env.Address, Namespace: current.Namespace}
	left := daemon.LeftAfter(Limit)
	mounts, err := unmountBeneath(current.Dir)
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		// Those of allocation directories are the client's, which can meet a busy one and gives up on it.
		if strings.Contains(mount, "/state/") {
			left = append(left, "mount "+mount)
		}
	}
	for _, pattern := range []string{"state/tasks/*", "*/state/tasks/*"} {
		files, err := filepath.Glob(filepath.Join(current.Dir, pattern))
		if err != nil {
			return err
		}
		left = append(left, files...)
	}
	daemon.RemoveAll()
	if len(left) > 0 {
		return fmt.Errorf("%v", left)
	}
	return nil
}
