package agent

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

// chaosRounds are made when nobody asks for another number.
const chaosRounds = 1

// chaosTime is how long a round kills; its tasks end within it, or when they are stopped.
const chaosTime = 25 * time.Second

// TestChaos kills agent, plugin and containerd at random moments under twenty tasks of different kinds. The seed
// that a failure prints makes the same choices again, though not the same moments.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("AGENT_TEST_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must.NoError(t, err)
	}
	rounds := chaosRounds
	if text := os.Getenv("CONTAINERD_DRIVER_TEST_ROUNDS"); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		must.NoError(t, err)
	}
	o := beginOutages(t, "chaos")
	for round := range rounds {
		t.Run(fmt.Sprintf("round %d of seed %d", round, seed), func(t *testing.T) {
			c := &chaos{outage: o, random: rand.New(rand.NewPCG(seed, uint64(round)))}
			c.round(t)
		})
	}
}

// restoreFailed is the event of a task that a restarted agent could not take up (Nomad, structs.TaskRestoreFailed).
const restoreFailed = "Failed Restoring Task"

// recoveryRefused is what such an agent logs with the driver's answer (Nomad, TaskRunner.restoreHandle).
const recoveryRefused = "error recovering task; cleaning up"

// isGone is the driver's answer when neither containerd nor the host has anything of the task any more.
const isGone = "does not exist any more"

// chaos is one round.
type chaos struct {
	*outage
	random *rand.Rand
	// steady are the allocations whose tasks run before the first kill.
	steady []*api.Allocation
	// killed tells how often each of them was.
	killed map[string]int
	// lost counts the plugins that were killed under the agent that runs.
	lost int
}

func (c *chaos) round(t *testing.T) {
	c.killed = map[string]int{}
	steady := c.kinds()
	made := c.chaosJob(t, steady, "steady")
	c.submit(t, made)
	t.Cleanup(func() { c.revive(t) })
	c.steady = c.groups(t, made, len(steady))
	c.untilTakenUp(t)
	late := []kind{exiting(5, 0), exiting(10, 0), exiting(20, 0), forking(15, 0)}
	lateJob := c.chaosJob(t, late, "late")
	// A start that containerd's death breaks off is tried again, as its policy asks.
	for _, group := range lateJob.TaskGroups {
		group.RestartPolicy = &api.RestartPolicy{Attempts: ref(100), Interval: ref(time.Hour), Delay: ref(time.Second), Mode: ref("delay")}
	}
	c.submit(t, lateJob)
	c.kills(t)
	c.revive(t)
	t.Logf("killed: %v", c.killed)

	c.wantEnds(t, steady, false)
	_, _, err := c.api.Jobs().Deregister(*made.ID, false, nil)
	must.NoError(t, err)
	c.wantEnds(t, steady, true)
	for index, alloc := range c.steady {
		c.wantOnce(t, &witness{job: made, alloc: alloc}, steady[index])
	}
	c.wantLate(t, lateJob, late)
	c.purge(t, *made.ID)
	c.purge(t, *lateJob.ID)
}

// kills makes outages of random victims, at random moments and of random length.
func (c *chaos) kills(t *testing.T) {
	combinations := [][]string{
		{"plugin"}, {"containerd"}, {"agent"},
		{"plugin", "containerd"}, {"agent", "plugin"}, {"agent", "containerd"},
		{"agent", "plugin", "containerd"},
	}
	for end := time.Now().Add(chaosTime); time.Now().Before(end); {
		c.pause(300, 2500)
		for _, victim := range combinations[c.random.IntN(len(combinations))] {
			c.strike(t, victim)
		}
		c.pause(0, 2500)
		c.daemon.Restart(t)
		if c.command.ProcessState != nil {
			c.launch(t)
			c.lost = 0
		}
		c.untilReady(t)
		c.untilTakenUp(t)
	}
}

// untilTakenUp waits until the agent that runs watches every steady task that has not ended, in the plugin that runs:
// one whose plugin dies before that Nomad itself gives up (Nomad, TaskRunner.Run and handleTaskExitResult).
func (c *chaos) untilTakenUp(t *testing.T) {
	t.Helper()
	harness.Eventually(t, 3*limit, "every task is taken up", func() error {
		// The last line of an agent before it waits for the end of a task; those of single hooks have a name.
		watched := c.loggedBy(t, c.starts, "finished poststart hooks", "task=task end=")
		recovered := c.loggedBy(t, c.starts, "task successfully recovered on driver")
		for _, alloc := range c.steady {
			if about(watched, alloc) > 0 && about(recovered, alloc) >= c.lost {
				continue
			}
			state, err := c.state(alloc, "task")
			if err != nil {
				return err
			}
			if state.State != "dead" {
				return fmt.Errorf("%s: recovered %d times of %d: %s", alloc.TaskGroup, about(recovered, alloc), c.lost, story(state))
			}
		}
		return nil
	})
}

// about counts the lines of a log that name an allocation.
func about(lines []string, alloc *api.Allocation) int {
	count := 0
	for _, line := range lines {
		if strings.Contains(line, alloc.ID) {
			count++
		}
	}
	return count
}

func (c *chaos) pause(least, most int) {
	time.Sleep(time.Duration(least+c.random.IntN(most-least)) * time.Millisecond)
}

func (c *chaos) strike(t *testing.T, victim string) {
	t.Helper()
	c.killed[victim]++
	switch victim {
	case "agent":
		c.kill(t)
	case "containerd":
		c.daemon.Kill(t)
	case "plugin":
		for _, pid := range c.pluginPids(t) {
			must.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			c.lost++
		}
	}
}

// groups waits for the allocation of every group, in the order of the kinds.
func (c *chaos) groups(t *testing.T, job *api.Job, count int) []*api.Allocation {
	t.Helper()
	sorted := make([]*api.Allocation, count)
	for _, alloc := range c.all(t, job, count) {
		index, err := strconv.Atoi(strings.TrimPrefix(alloc.TaskGroup, "group-"))
		must.NoError(t, err)
		sorted[index] = alloc
	}
	return sorted
}

// wantEnds waits for the exact ends of the tasks that end by themselves, or of all that were stopped.
func (c *chaos) wantEnds(t *testing.T, kinds []kind, stopped bool) {
	t.Helper()
	for index, alloc := range c.steady {
		if kind := kinds[index]; kind.untilStopped == stopped {
			must.Eq(t, kind.code, c.exit(t, alloc, "task"), must.Sprintf("task %d, %s", index, kind.name))
		}
	}
}

// wantOnce expects every line once, one end, and no restart.
func (c *chaos) wantOnce(t *testing.T, w *witness, kind kind) {
	t.Helper()
	state, err := c.state(w.alloc, "task")
	must.NoError(t, err)
	if c.ranAgain(t, w, state, kind) {
		return
	}
	must.Zero(t, state.Restarts, must.Sprint(story(state)))
	ends := events(state, api.TaskTerminated)
	must.SliceNotEmpty(t, ends, must.Sprint(story(state)))
	must.LessEq(t, c.tellers(t, w), len(ends), must.Sprint(story(state)))
	for _, end := range ends {
		c.wantEnd(t, end, state, kind)
	}
	// A task keeps its ten newest events only.
	must.True(t, len(events(state, api.TaskStarted)) <= 1, must.Sprint(story(state)))
	lines := c.linesOf(t, w, kind)
	if kind.lines > 0 {
		must.SliceLen(t, kind.lines, lines, must.Sprint(kind.name))
	}
	for i, line := range lines {
		must.Eq(t, strconv.Itoa(i+1), line, must.Sprintf("%s, line %d of %d", kind.name, i+1, len(lines)))
	}
}

// tellers counts the agents that told the end of a task. One is the rule; but an agent that dies after it has told the
// end and before it has recorded that the task is dead leaves both to the next one, which finds the ended task and
// tells the same end (Nomad, TaskRunner.Run: an end is told before the task is destroyed, and of a dead one never).
func (c *chaos) tellers(t *testing.T, w *witness) int {
	t.Helper()
	count := 0
	for start := 1; start <= c.starts; start++ {
		if len(c.loggedBy(t, start, "type=Terminated", w.alloc.ID)) > 0 {
			count++
		}
	}
	return count
}

// ranAgain tells of the one restart that is Nomad's own: an agent that dies between the destruction of an ended
// task and the record of it finds a task to restore that it has removed itself, and runs it once more, whatever the
// driver. The end must have been told exactly before, nothing of the task been there any more, and no line be lost.
func (c *chaos) ranAgain(t *testing.T, w *witness, state *api.TaskState, kind kind) bool {
	t.Helper()
	restored := events(state, restoreFailed)
	if len(restored) == 0 {
		return false
	}
	told := slices.ContainsFunc(events(state, api.TaskTerminated), func(end *api.TaskEvent) bool {
		return end.ExitCode == kind.code && end.Time < restored[0].Time
	})
	// A task keeps its ten newest events only.
	must.True(t, told || state.Events[0] == restored[0], must.Sprint(story(state)))
	for _, end := range events(state, api.TaskTerminated) {
		c.wantEnd(t, end, state, kind)
	}
	refusals := c.logged(t, recoveryRefused, w.alloc.ID)
	must.SliceNotEmpty(t, refusals, must.Sprint(story(state)))
	for _, refusal := range refusals {
		must.StrContains(t, refusal, isGone)
	}
	must.Positive(t, kind.lines, must.Sprintf("a task that %s ended by itself: %s", kind.name, story(state)))
	runs := c.runsOf(t, w, kind)
	must.Eq(t, kind.lines, runs[0], must.Sprintf("the first run of a task that %s: %v", kind.name, runs))
	t.Logf("the agent died before it had recorded the end of a task that %s, and ran it again", kind.name)
	return true
}

// runsOf gives how many lines each run of a task printed: each counts from 1 without a gap, and the last one to the end.
func (c *chaos) runsOf(t *testing.T, w *witness, kind kind) []int {
	t.Helper()
	var runs []int
	harness.Eventually(t, limit, "the last line of the last run of a task that "+kind.name, func() error {
		runs = nil
		for i, line := range c.lines(t, w) {
			if line == "1" {
				runs = append(runs, 0)
			}
			last := len(runs) - 1
			if last < 0 || line != strconv.Itoa(runs[last]+1) {
				return fmt.Errorf("line %d is %q, in run %v", i+1, line, runs)
			}
			runs[last]++
		}
		if len(runs) == 0 || runs[len(runs)-1] != kind.lines {
			return fmt.Errorf("runs of %v lines, in the place of %d", runs, kind.lines)
		}
		return nil
	})
	for _, count := range runs {
		must.LessEq(t, kind.lines, count, must.Sprintf("a task that %s: runs of %v lines", kind.name, runs))
	}
	return runs
}

// linesOf waits for as many lines as a task prints until it ends.
func (c *chaos) linesOf(t *testing.T, w *witness, kind kind) []string {
	t.Helper()
	var lines []string
	harness.Eventually(t, limit, "the last line of "+kind.name, func() error {
		if lines = c.lines(t, w); len(lines) < kind.lines {
			return fmt.Errorf("%d lines of %d", len(lines), kind.lines)
		}
		return nil
	})
	return lines
}

// wantLate expects of tasks whose starts were disturbed every end exact, every line of every run, and a cause for
// every run but one.
func (c *chaos) wantLate(t *testing.T, job *api.Job, kinds []kind) {
	t.Helper()
	for index, alloc := range c.groups(t, job, len(kinds)) {
		kind, w := kinds[index], &witness{job: job, alloc: alloc}
		var state *api.TaskState
		harness.Eventually(t, 3*limit, "the end of a task that was started late", func() (err error) {
			if state, err = c.state(alloc, "task"); err == nil && state.State != "dead" {
				err = fmt.Errorf("it has not ended: %s", story(state))
			}
			return err
		})
		ends := events(state, api.TaskTerminated)
		if len(ends) == 0 && neverStarted(state) {
			t.Logf("the plugin died again while a task was started anew, which Nomad does not try a third time: %s", story(state))
			continue
		}
		must.SliceNotEmpty(t, ends, must.Sprint(story(state)))
		for _, end := range ends {
			c.wantEnd(t, end, state, kind)
		}
		lost := len(events(state, restoreFailed))
		must.LessEq(t, 1+lost+c.killed["agent"], len(ends), must.Sprint(story(state)))
		c.wantCauses(t, w, state)
		runs := c.runsOf(t, w, kind)
		// An agent that dies before it has recorded a start makes another one, and tells of neither.
		causes := int(state.Restarts) + lost + c.killed["agent"]
		must.LessEq(t, 1+causes, len(runs), must.Sprintf("runs of %v lines: %s", runs, story(state)))
		t.Logf("started late, %s: %d restarts, runs of %v lines", kind.name, state.Restarts, runs)
	}
}

// notStarted are the failures of a start that Nomad gives up, whatever the driver says of it: one that fails right
// after another one, which a plugin's death had cut (Nomad, TaskRunner.runDriver, which drops what makes an error
// recoverable).
var notStarted = []string{
	"failed to start task after driver exited unexpectedly",
	"failed to initialize driver after it exited unexpectedly",
}

// neverStarted tells of such a start.
func neverStarted(state *api.TaskState) bool {
	failures := events(state, api.TaskDriverFailure)
	return len(failures) > 0 && slices.ContainsFunc(notStarted, func(text string) bool {
		return strings.Contains(failures[len(failures)-1].DisplayMessage, text)
	})
}

// givenUp are the lines of an agent whose plugin dies once more while a task is taken up: Nomad lets go of the task,
// and tells its users nothing (Nomad, TaskRunner.Run and handleTaskExitResult).
var givenUp = []string{
	"failed to restore handle on driver after it exited unexpectedly",
	"failed to initialize driver after it exited unexpectedly",
	"wait task failed",
}

// wantCauses expects before every restart a start that failed, or an agent that gave the task up; and that the driver
// called no task gone whose end had not been told.
func (c *chaos) wantCauses(t *testing.T, w *witness, state *api.TaskState) {
	t.Helper()
	gaveUp := slices.ContainsFunc(givenUp, func(line string) bool { return len(c.logged(t, line, w.alloc.ID)) > 0 })
	// Of a task with ten events, which are all that it keeps, the first cause may have been dropped.
	caused := len(state.Events) == 10
	for _, event := range state.Events {
		switch event.Type {
		case api.TaskDriverFailure, restoreFailed:
			caused = true
		case api.TaskRestarting:
			must.True(t, caused || gaveUp, must.Sprint(story(state)))
			caused = false
		}
	}
	for _, refusal := range c.logged(t, recoveryRefused, w.alloc.ID) {
		ended := len(events(state, api.TaskTerminated)) > 1
		must.True(t, ended || !strings.Contains(refusal, isGone), must.Sprintf("%s: %s", refusal, story(state)))
	}
}

// wantEnd expects an end with the very code, and for want of memory only where there was none.
func (c *chaos) wantEnd(t *testing.T, end *api.TaskEvent, state *api.TaskState, kind kind) {
	t.Helper()
	must.Eq(t, kind.code, end.ExitCode, must.Sprintf("a task that %s: %s", kind.name, story(state)))
	must.Eq(t, strconv.FormatBool(kind.oom), end.Details["oom_killed"], must.Sprintf("a task that %s: %s", kind.name, story(state)))
}
