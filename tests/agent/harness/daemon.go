package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/shoenig/test/must"
	"golang.org/x/sys/unix"
)

// Daemon is a private containerd that a case may kill. Its keeper removes it with all that it runs when
// the case ends, and as well when this process does.
type Daemon struct {
	Containerd
	instance instance
	again    *exec.Cmd
}

type instance struct {
	Address string   `json:"address"`
	PidFile string   `json:"pid_file"`
	Argv    []string `json:"argv"`
	Path    string   `json:"path"`
	Log     string   `json:"log"`
}

// StartDaemon starts one and imports the busybox image.
func StartDaemon(t *testing.T) *Daemon {
	t.Helper()
	env := Env(t)
	keeper := exec.Command(env.Xtask, "serve-containerd")
	if env.ContainerdBin != "" {
		keeper.Args = append(keeper.Args, "--bin-dir", filepath.Dir(env.ContainerdBin))
	}
	keeper.Stderr = os.Stderr
	input, err := keeper.StdinPipe()
	must.NoError(t, err)
	output, err := keeper.StdoutPipe()
	must.NoError(t, err)
	must.NoError(t, keeper.Start())
	d := &Daemon{}
	t.Cleanup(func() {
		// Before its end, which waits for the daemon's.
		if t.Failed() {
			t.Logf("containerd's last words:\n%s", Tail(d.instance.Log, 30))
		}
		_ = input.Close()
		_, _ = io.Copy(io.Discard, output)
		if err := keeper.Wait(); err != nil {
			t.Errorf("\nthe private containerd left something behind: %v", err)
		}
		if d.again != nil {
			_ = d.again.Wait()
		}
	})
	line, err := bufio.NewReader(output).ReadBytes('\n')
	must.NoError(t, err, must.Sprint("no private containerd"))
	must.NoError(t, json.Unmarshal(line, &d.instance))
	d.Containerd = Containerd{Address: d.instance.Address, Namespace: CurrentRun().Namespace}
	must.NoError(t, d.Import(env.Images, "busybox"))
	return d
}

// Pid is the daemon's process.
func (d *Daemon) Pid(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(d.instance.PidFile)
	must.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must.NoError(t, err)
	return pid
}

// Kill ends the daemon with SIGKILL; its shims and tasks live on.
func (d *Daemon) Kill(t *testing.T) {
	t.Helper()
	pid := d.Pid(t)
	must.NoError(t, unix.Kill(pid, unix.SIGKILL))
	if d.again != nil {
		_ = d.again.Wait()
		d.again = nil
	}
	Eventually(t, Limit, "containerd is gone", func() error { return Ended(pid) })
}

// Restart starts the daemon once more, if it does not run, and waits until it answers.
func (d *Daemon) Restart(t *testing.T) {
	t.Helper()
	if Ended(d.Pid(t)) != nil {
		return
	}
	log, err := os.OpenFile(d.instance.Log, os.O_APPEND|os.O_WRONLY, 0)
	must.NoError(t, err)
	defer log.Close()
	d.again = exec.Command(d.instance.Argv[0], d.instance.Argv[1:]...)
	d.again.Env = append(os.Environ(), "PATH="+d.instance.Path)
	d.again.Stdout, d.again.Stderr = log, log
	must.NoError(t, d.again.Start())
	must.NoError(t, os.WriteFile(d.instance.PidFile, []byte(strconv.Itoa(d.again.Process.Pid)), 0o644))
	Eventually(t, Limit, "containerd answers", func() error {
		_, err := d.Ctr("version")
		return err
	})
}

// Ended fails while a process lives; a zombie has ended.
func Ended(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// proc(5): the state follows the name in parentheses.
	if fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])); fields[0] == "Z" || fields[0] == "X" {
		return nil
	}
	return fmt.Errorf("process %d lives", pid)
}
