package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shoenig/test/must"
)

// A CPUWatch follows the kernel's own count of the CPU time of a cgroup. What the count was at a moment it knows between
// two bounds, however seldom it gets to read: the load of the host makes them wider and never wrong.
type CPUWatch struct {
	mutex    sync.Mutex
	readings []reading
}

type reading struct {
	begun, ended time.Time
	count        time.Duration
}

// early is how long before its timestamp a sample may have been read, by a process that had to wait in between.
const early = 100 * time.Millisecond

// WatchCPU begins to follow the cgroup of a process, until the test ends.
func WatchCPU(t testing.TB, pid int) *CPUWatch {
	t.Helper()
	read, err := cpuCount(pid)
	must.NoError(t, err)
	watch := &CPUWatch{}
	must.NoError(t, watch.read(read))
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		ticks := time.NewTicker(10 * time.Millisecond)
		defer ticks.Stop()
		// The cgroup goes with its task.
		for watch.read(read) == nil {
			select {
			case <-stop:
				return
			case <-ticks.C:
			}
		}
	}()
	return watch
}

func (w *CPUWatch) read(count func() (time.Duration, error)) error {
	begun := time.Now()
	now, err := count()
	if err != nil {
		return err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.readings = append(w.readings, reading{begun: begun, ended: time.Now(), count: now})
	return nil
}

// at gives the bounds of the count that a sample with this timestamp has read; fewer than two while there is no reading
// before or after it.
func (w *CPUWatch) at(moment time.Time) (least, most []time.Duration) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, r := range w.readings {
		if r.ended.Before(moment.Add(-early)) {
			least = []time.Duration{r.count}
		}
		if most == nil && r.begun.After(moment) {
			most = []time.Duration{r.count}
		}
	}
	return least, most
}

// Between gives the bounds of the CPU time between two samples by their timestamps in nanoseconds; none are known where
// the first of them is older than the watch.
func (w *CPUWatch) Between(t testing.TB, from, to int64) (least, most time.Duration, known bool) {
	t.Helper()
	if earliest, _ := w.at(time.Unix(0, from)); earliest == nil {
		return 0, 0, false
	}
	var lastLeast, lastMost []time.Duration
	Eventually(t, Limit, "a reading of the kernel's count after a sample", func() error {
		if lastLeast, lastMost = w.at(time.Unix(0, to)); lastMost == nil {
			return errors.New("none yet")
		}
		return nil
	})
	firstLeast, firstMost := w.at(time.Unix(0, from))
	return lastLeast[0] - firstMost[0], lastMost[0] - firstLeast[0], true
}

// cpuCount gives what reads the count of a process's cgroup.
func cpuCount(pid int) (func() (time.Duration, error), error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	unified := ""
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.SplitN(line, ":", 3)
		switch {
		case len(fields) < 3:
		case slices.Contains(strings.Split(fields[1], ","), "cpuacct"):
			file := filepath.Join("/sys/fs/cgroup/cpuacct", fields[2], "cpuacct.usage")
			return func() (time.Duration, error) {
				text, err := os.ReadFile(file)
				if err != nil {
					return 0, err
				}
				nanos, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
				return time.Duration(nanos), err
			}, nil
		case fields[1] == "":
			unified = filepath.Join("/sys/fs/cgroup", fields[2], "cpu.stat")
		}
	}
	return func() (time.Duration, error) {
		text, err := os.ReadFile(unified)
		if err != nil {
			return 0, err
		}
		var micros int64
		_, err = fmt.Sscanf(string(text), "usage_usec %d", &micros)
		return time.Duration(micros) * time.Microsecond, err
	}, nil
}
