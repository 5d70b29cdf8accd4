package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/shoenig/test/must"
	"golang.org/x/sys/unix"
)

// runs holds the directories of all runs, whose names begin with runPrefix.
const (
	runs      = "/var/tmp"
	runPrefix = "cd-"
)

// lock marks a run's directory as in use for as long as this process lives.
func lock(dir string) (*os.File, error) {
	file, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	return file, unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// HaveHostAlone waits until no other run of these tests has the host alone, and has it until the case ends.
func HaveHostAlone(t *testing.T) {
	t.Helper()
	file, err := os.Open(runs)
	must.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	must.NoError(t, unix.Flock(int(file.Fd()), unix.LOCK_EX))
}

// removeStale takes away what runs that were killed have left: processes, mounts, directories. What they
// left in their containerd went with it.
func removeStale() error {
	locks, err := filepath.Glob(runs + "/" + runPrefix + "*/lock")
	if err != nil {
		return err
	}
	for _, path := range locks {
		dir := filepath.Dir(path)
		file, err := os.Open(path)
		if err != nil || unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			continue
		}
		for _, pid := range processesOf(dir) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if _, err := unmountBeneath(dir); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("of an earlier run: %w", err)
		}
		_ = file.Close()
	}
	return nil
}

// processesOf lists the descendants of a run, which inherit its directory for temporary files.
func processesOf(dir string) []int {
	var pids []int
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		environment, err := os.ReadFile(path)
		if err != nil || !strings.Contains("\x00"+string(environment), "\x00TMPDIR="+dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
