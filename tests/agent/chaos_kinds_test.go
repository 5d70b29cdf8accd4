package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
)

// kind is one way to live: what a task runs, how it ends, and how many lines it prints until then.
type kind struct {
	name   string
	script string
	code   int
	// lines is 0 for a task that prints until it is stopped.
	lines        int
	untilStopped bool
	// patience is how long a task that is stopped has before it is killed.
	patience time.Duration
	// oom is set for a task that the kernel ends for want of memory.
	oom bool
}

// exiting prints lines and ends by itself.
func exiting(lines, code int) kind {
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; sleep 0.2; done; exit %d", lines, code)
	return kind{name: fmt.Sprintf("exits with %d", code), script: script, code: code, lines: lines}
}

// forking ends while processes of its own go on.
func forking(lines, code int) kind {
	k := exiting(lines, code)
	k.name, k.script = "leaves processes behind", "sleep 1000 & (sleep 1000 &) & "+k.script
	return k
}

// bursting prints many lines at once.
func bursting(bursts, code int) kind {
	script := fmt.Sprintf("b=0; i=0; while [ $b -lt %d ]; do b=$((b+1)); n=0; while [ $n -lt 500 ]; do n=$((n+1)); i=$((i+1)); echo $i; done; sleep 0.5; done; exit %d", bursts, code)
	return kind{name: "prints in bursts", script: script, code: code, lines: bursts * 500}
}

// greedy takes memory until the kernel ends it.
func greedy(lines int) kind {
	k := exiting(lines, 137)
	script, _ := strings.CutSuffix(k.script, "exit 137")
	k.name, k.script, k.oom = "takes all memory", script+"exec tail /dev/zero", true
	return k
}

const endless = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done"

// stopping ends with a code of its own when it is stopped.
func stopping(code int) kind {
	return kind{name: "is stopped", script: fmt.Sprintf("trap 'exit %d' TERM; ", code) + endless, code: code, untilStopped: true, patience: 30 * time.Second}
}

// deaf has to be killed.
func deaf() kind {
	return kind{name: "is killed", script: "trap '' TERM; " + endless, code: 137, untilStopped: true, patience: time.Second}
}

// kinds are the tasks of a round; their ends are spread over it.
func (c *chaos) kinds() []kind {
	lines := func() int { return 10 + c.random.IntN(110) }
	kinds := []kind{stopping(17), stopping(0), deaf(), deaf(), forking(lines(), 8), forking(lines(), 0), greedy(lines())}
	for _, code := range []int{0, 1, 42, 137, 143, 255} {
		kinds = append(kinds, exiting(lines(), code))
	}
	for range 3 {
		kinds = append(kinds, bursting(5+c.random.IntN(30), c.random.IntN(100)))
	}
	return kinds
}

// chaosJob has a group for each kind.
func (c *chaos) chaosJob(t *testing.T, kinds []kind, name string) *api.Job {
	t.Helper()
	made := job(t, api.JobTypeBatch, shell(t, "task", ""))
	made.ID = ref(*made.ID + "-" + name)
	made.TaskGroups = nil
	for index, kind := range kinds {
		task := shell(t, "task", kind.script)
		if kind.untilStopped {
			task.KillTimeout = ref(kind.patience)
		}
		group := job(t, api.JobTypeBatch, task).TaskGroups[0]
		group.Name = ref(fmt.Sprintf("group-%d", index))
		made.TaskGroups = append(made.TaskGroups, group)
	}
	return made
}
