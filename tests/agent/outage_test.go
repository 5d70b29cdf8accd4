package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

// TestOutages kills the agent, its plugin and containerd under running tasks, one at a time.
func TestOutages(t *testing.T) {
	t.Parallel()
	o := beginOutages(t, "one")
	for _, victim := range []string{"agent", "agent politely", "plugin", "containerd"} {
		t.Run(victim, func(t *testing.T) { o.tasksOutlive(t, victim) })
	}
	t.Run("a driver turns unhealthy and back", o.driverTurnsUnhealthyAndBack)
}

// TestOutagesOfTwo kills each two of them.
func TestOutagesOfTwo(t *testing.T) {
	t.Parallel()
	o := beginOutages(t, "two")
	for _, victims := range [][]string{{"agent", "plugin"}, {"agent", "containerd"}, {"plugin", "containerd"}} {
		t.Run(strings.Join(victims, " and "), func(t *testing.T) { o.tasksOutlive(t, victims...) })
	}
}

// beginOutages starts an agent in a process of its own, over a containerd that it alone uses.
func beginOutages(t *testing.T, name string) *outage {
	t.Helper()
	o := &outage{daemon: harness.StartDaemon(t)}
	o.process = beginProcess(t, name, o.daemon.Containerd)
	return o
}

type outage struct {
	*process
	daemon *harness.Daemon
}

// counting prints numbered lines for as long as it runs, and says on the other stream what reaches it.
const counting = `trap 'echo signal >&2' USR1; trap 'echo stop >&2; exit 17' TERM
i=0; while true; do i=$((i+1)); echo $i; sleep 0.05; done`

// waiting ends with a code when a file appears in /alloc.
const waiting = "until [ -e /alloc/go ]; do sleep 0.05; done; echo end; exit %d"

// witness is one task of a job with what must not change about it.
type witness struct {
	job   *api.Job
	alloc *api.Allocation
	task  harness.Task
}

func (o *outage) begin(t *testing.T, name, kind, script string) *witness {
	t.Helper()
	made := job(t, kind, shell(t, "task", script))
	made.ID = ref(*made.ID + "-" + name)
	o.submit(t, made)
	w := &witness{job: made, alloc: o.alloc(t, made)}
	o.until(t, w.alloc, "task", "running")
	var err error
	w.task, err = o.daemon.TaskOf(w.alloc.ID)
	must.NoError(t, err)
	return w
}

// path is a file of the witness on this machine.
func (o *outage) path(w *witness, below ...string) string {
	return filepath.Join(append([]string{o.allocs, w.alloc.ID, "alloc"}, below...)...)
}

func (o *outage) release(t *testing.T, w *witness) {
	t.Helper()
	must.NoError(t, os.WriteFile(o.path(w, "go"), nil, 0o644))
}

// lines reads the log's files in their order.
func (o *outage) lines(t *testing.T, w *witness) []string {
	t.Helper()
	var text strings.Builder
	for index := 0; ; index++ {
		part, err := os.ReadFile(o.path(w, "logs", fmt.Sprintf("task.stdout.%d", index)))
		if os.IsNotExist(err) {
			return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		}
		must.NoError(t, err)
		text.Write(part)
	}
}

// untilMore waits for further lines of a task.
func (o *outage) untilMore(t *testing.T, w *witness, count int) {
	t.Helper()
	want := len(o.lines(t, w)) + count
	harness.Eventually(t, limit, "the task goes on writing", func() error {
		if got := len(o.lines(t, w)); got < want {
			return fmt.Errorf("%d lines of %d", got, want)
		}
		return nil
	})
}

func (o *outage) tasksOutlive(t *testing.T, victims ...string) {
	counter := o.begin(t, "counter", api.JobTypeService, counting)
	during := o.begin(t, "during", api.JobTypeBatch, fmt.Sprintf(waiting, 42))
	after := o.begin(t, "after", api.JobTypeBatch, fmt.Sprintf(waiting, 43))
	t.Cleanup(func() { o.revive(t) })
	o.untilMore(t, counter, 20)

	plugins := o.pluginPids(t)
	must.SliceLen(t, 1, plugins)
	for _, victim := range victims {
		switch victim {
		case "agent":
			o.kill(t)
		case "agent politely":
			must.NoError(t, o.command.Process.Signal(syscall.SIGTERM))
			_ = o.command.Wait()
		case "plugin":
			must.NoError(t, syscall.Kill(plugins[0], syscall.SIGKILL))
		case "containerd":
			o.daemon.Kill(t)
		}
	}
	o.release(t, during)
	harness.Eventually(t, limit, "the task has ended in the outage", func() error {
		return harness.Ended(during.task.Pid)
	})
	// Three seconds, in which the task must not notice anything.
	o.untilMore(t, counter, 60)
	o.revive(t)
	o.untilMore(t, counter, 20)
	o.release(t, after)

	for w, code := range map[*witness]int{during: 42, after: 43} {
		must.Eq(t, code, o.exit(t, w.alloc, "task"))
		o.wantUntouched(t, w, 1)
		o.untilLogs(t, w.alloc, "task", "stdout", "end\n")
	}
	o.wantUntouched(t, counter, 0)
	now, err := o.daemon.TaskOf(counter.alloc.ID)
	must.NoError(t, err)
	must.Eq(t, counter.task, now)
	o.wantInControl(t, counter)

	lines := o.lines(t, counter)
	for i, line := range lines {
		must.Eq(t, strconv.Itoa(i+1), line, must.Sprintf("line %d of %d", i+1, len(lines)))
	}
	for _, w := range []*witness{counter, during, after} {
		o.purge(t, *w.job.ID)
	}
}

// wantUntouched expects that a task was neither restarted nor ended more often than it did.
func (o *outage) wantUntouched(t *testing.T, w *witness, ends int) {
	t.Helper()
	state, err := o.state(w.alloc, "task")
	must.NoError(t, err)
	must.Zero(t, state.Restarts, must.Sprint(story(state)))
	must.SliceLen(t, ends, events(state, api.TaskTerminated), must.Sprint(story(state)))
	must.SliceLen(t, 1, events(state, api.TaskStarted), must.Sprint(story(state)))
	must.SliceLen(t, 1, o.all(t, w.job, 1), must.Sprint("it was placed a second time"))
}

// wantInControl uses everything that an agent does with a task, and stops it.
func (o *outage) wantInControl(t *testing.T, w *witness) {
	t.Helper()
	code, out, _ := o.exec(t, w.alloc, "task", false, strings.NewReader("sent\n"), "/bin/sh", "-c", "cat; exit 4")
	must.Eq(t, 4, code)
	must.Eq(t, "sent\n", out)
	must.NoError(t, o.api.Allocations().Signal(w.alloc, nil, "task", "SIGUSR1"))
	o.untilLogs(t, w.alloc, "task", "stderr", "signal\n")
	harness.Eventually(t, limit, "stats", func() error {
		stats, err := o.api.Allocations().Stats(w.alloc, nil)
		if err != nil {
			return err
		}
		usage := stats.Tasks["task"]
		if usage == nil || usage.ResourceUsage == nil {
			return fmt.Errorf("none of the task")
		}
		if memory := usage.ResourceUsage.MemoryStats; memory.RSS == 0 || memory.Usage == 0 {
			return fmt.Errorf("no memory: %+v", memory)
		}
		return nil
	})
	_, _, err := o.api.Jobs().Deregister(*w.job.ID, false, nil)
	must.NoError(t, err)
	must.Eq(t, 17, o.exit(t, w.alloc, "task"))
	o.untilLogs(t, w.alloc, "task", "stderr", "signal\nstop\n")
}

// revive brings back whatever does not run.
func (o *outage) revive(t *testing.T) {
	t.Helper()
	o.daemon.Restart(t)
	if o.command.ProcessState != nil {
		o.launch(t)
	}
	o.untilReady(t)
}

func (o *outage) driverTurnsUnhealthyAndBack(t *testing.T) {
	t.Cleanup(func() { o.revive(t) })
	o.daemon.Kill(t)
	harness.Eventually(t, limit, "the driver is unhealthy", func() error { return o.healthy(false) })
	node, err := o.node()
	must.NoError(t, err)
	driver := node.Drivers["containerd-driver"]
	must.True(t, driver.Detected)
	must.NotEq(t, "", driver.HealthDescription)
	made := job(t, api.JobTypeBatch, shell(t, "task", "exit 0"))
	o.update(t, made)
	o.daemon.Restart(t)
	t.Cleanup(func() { o.purge(t, *made.ID) })
	must.Eq(t, 0, o.exit(t, o.alloc(t, made), "task"))
	must.NoError(t, o.healthy(true))
}
