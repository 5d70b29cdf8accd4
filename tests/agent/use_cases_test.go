package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

func missing(path string) error {
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		return fmt.Errorf("%s is there (%v)", path, err)
	}
	return nil
}

// running submits a service of one task and waits until it has said that it is ready.
func running(t *testing.T, c *cluster, task *api.Task) *api.Allocation {
	t.Helper()
	made := job(t, api.JobTypeService, task)
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.until(t, alloc, task.Name, "running")
	c.untilLogs(t, alloc, task.Name, "stdout", "ready\n")
	return alloc
}

func logsAreComplete(t *testing.T, c *cluster) {
	const lines = 100_000
	made := job(t, api.JobTypeBatch, shell(t, "task",
		fmt.Sprintf("seq 1 %d; seq 1 %d >&2; printf last; printf words >&2", lines, lines)))
	c.submit(t, made)
	alloc := c.alloc(t, made)
	must.Eq(t, 0, c.exit(t, alloc, "task"))
	var whole strings.Builder
	for i := range lines {
		fmt.Fprintln(&whole, i+1)
	}
	c.untilLogs(t, alloc, "task", "stdout", whole.String()+"last")
	c.untilLogs(t, alloc, "task", "stderr", whole.String()+"words")
}

func execCarriesStreams(t *testing.T, c *cluster) {
	alloc := running(t, c, shell(t, "task", "echo ready; "+idle))
	t.Run("without a terminal", func(t *testing.T) {
		code, out, errs := c.exec(t, alloc, "task", false, strings.NewReader("one\ntwo\n"),
			"/bin/sh", "-c", "cat; echo end >&2; exit 43")
		must.Eq(t, 43, code)
		must.Eq(t, "one\ntwo\n", out)
		must.Eq(t, "end\n", errs)
	})
	t.Run("much data both ways", func(t *testing.T) {
		sent := strings.Repeat("0123456789abcde\n", 64<<10)
		code, out, _ := c.exec(t, alloc, "task", false, strings.NewReader(sent), "cat")
		must.Eq(t, 0, code)
		must.True(t, sent == out, must.Sprintf("%d bytes came back of %d", len(out), len(sent)))
	})
	t.Run("with a terminal that changes its size", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		input, keys := io.Pipe()
		sizes := make(chan api.TerminalSize, 1)
		sizes <- api.TerminalSize{Height: 50, Width: 40}
		screen := &screen{}
		done := make(chan error, 1)
		var code int
		go func() {
			var err error
			code, err = c.api.Allocations().Exec(ctx, alloc, "task", true, []string{"/bin/sh", "-c",
				"stty -echo; until stty size | grep .; do sleep 0.05; done 2>/dev/null; read line; echo got $line; stty size; exit 5"},
				input, screen, io.Discard, sizes, nil)
			done <- err
		}()
		harness.Eventually(t, limit, "the shell runs", func() error { return screen.shows("50 40\r\n") })
		sizes <- api.TerminalSize{Height: 100, Width: 120}
		harness.Eventually(t, limit, "the size was taken", func() error {
			result, out, _ := c.exec(t, alloc, "task", false, strings.NewReader(""),
				"/bin/sh", "-c", "for t in /dev/pts/[0-9]*; do stty size -F $t; done")
			if result != 0 || !strings.Contains(out, "100 120") {
				return fmt.Errorf("sizes %q", out)
			}
			return nil
		})
		_, err := io.WriteString(keys, "a line\n")
		must.NoError(t, err)
		must.NoError(t, harness.Receive(t, limit, "the end of the exec", done))
		must.Eq(t, 5, code)
		must.StrContains(t, screen.String(), "got a line\r\n100 120\r\n")
	})
}

func signalsReachTheTask(t *testing.T, c *cluster) {
	alloc := running(t, c, shell(t, "task", "trap 'exit 12' USR2; echo ready; while true; do sleep 0.05; done"))
	err := c.api.Allocations().Signal(alloc, nil, "task", "SIGNOPE")
	must.Error(t, err)
	must.NoError(t, c.api.Allocations().Signal(alloc, nil, "task", "SIGUSR2"))
	must.Eq(t, 12, c.exit(t, alloc, "task"))
}

func statsAreOfTheTask(t *testing.T, c *cluster) {
	task := shell(t, "task", "x=$(head -c 16777216 /dev/zero | tr '\\0' x); echo ready; while true; do :; done")
	task.Resources.MemoryMB = ref(128)
	alloc := running(t, c, task)
	of, err := c.daemon.TaskOf(alloc.ID)
	must.NoError(t, err)
	watch := harness.WatchCPU(t, of.Pid)
	var earlier int64
	harness.Eventually(t, limit, "stats of a busy task as the kernel counts them", func() error {
		stats, err := c.api.Allocations().Stats(alloc, nil)
		if err != nil {
			return err
		}
		usage := stats.Tasks["task"]
		if usage == nil || usage.ResourceUsage == nil {
			return fmt.Errorf("no usage")
		}
		memory, cpu := usage.ResourceUsage.MemoryStats, usage.ResourceUsage.CpuStats
		if memory.RSS < 16<<20 || cpu.TotalTicks <= 0 {
			return fmt.Errorf("memory %+v, cpu %+v", memory, cpu)
		}
		wall := time.Duration(usage.Timestamp - earlier).Seconds()
		told := cpu.Percent / 100 * wall
		least, most, known := watch.Between(t, earlier, usage.Timestamp)
		isNext := known && usage.Timestamp != earlier
		earlier = usage.Timestamp
		// Where a sample was missed the percentage is of another time than what lies between the two.
		if !isNext || told < 0.9*least.Seconds() || told > 1.1*most.Seconds() {
			return fmt.Errorf("%.3f s were told, the kernel counts %s to %s", told, least, most)
		}
		return nil
	})
}

func anAllocationIsRestarted(t *testing.T, c *cluster) {
	alloc := running(t, c, shell(t, "task", "echo ready; "+idle))
	before, err := c.daemon.TaskOf(alloc.ID)
	must.NoError(t, err)
	must.NoError(t, c.api.Allocations().Restart(alloc, "task", nil))
	c.untilLogs(t, alloc, "task", "stdout", "ready\nready\n")
	after, err := c.daemon.TaskOf(alloc.ID)
	must.NoError(t, err)
	must.NotEq(t, before.Pid, after.Pid)
	must.Eq(t, before.ID, after.ID)
}

// screen collects what a terminal shows, for readers at the same time.
type screen struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(data []byte) (int, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.text.Write(data)
}

func (s *screen) String() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.text.String()
}

func (s *screen) shows(text string) error {
	if got := s.String(); !strings.Contains(got, text) {
		return fmt.Errorf("it shows %q", got)
	}
	return nil
}
