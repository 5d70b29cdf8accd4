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
const chaosRounds = 2

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
	// killed tells how often each of them was.
	killed map[string]int
}

func (c *chaos) round(t *testing.T) {
	c.killed = map[string]int{}
	steady := c.kinds()
	made := c.chaosJob(t, steady, "steady")
	c.submit(t, made)
	t.Cleanup(func() { c.revive(t) })
	allocs := c.groups(t, made, len(steady))
	for _, alloc := range allocs {
		c.until(t, alloc, "task", "running")
	}
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

	c.wantEnds(t, allocs, steady, false)
	_, _, err := c.api.Jobs().Deregister(*made.ID, false, nil)
	must.NoError(t, err)
	c.wantEnds(t, allocs, steady, true)
	for index, alloc := range allocs {
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
		}
		// Nomad itself gives up a task whose plugin dies once more while it is recovered: its own affair.
		c.untilReady(t)
	}
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
func (c *chaos) wantEnds(t *testing.T, allocs []*api.Allocation, kinds []kind, stopped bool) {
	t.Helper()
	for index, alloc := range allocs {
		if kind := kinds[index]; kind.untilStopped == stopped {
			must.Eq(t, kind.code, c.exit(t, alloc, "task"), must.Sprintf("task %d, %s", index, kind.name))
		}
	}
}

// wantOnce expects every line once, and neither a restart nor a second end.
func (c *chaos) wantOnce(t *testing.T, w *witness, kind kind) {
	t.Helper()
	state, err := c.state(w.alloc, "task")
	must.NoError(t, err)
	if c.ranAgain(t, w, state, kind) {
		return
	}
	must.Zero(t, state.Restarts, must.Sprint(story(state)))
	must.SliceLen(t, 1, events(state, api.TaskTerminated), must.Sprint(story(state)))
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
	refusals := c.logged(t, recoveryRefused, w.alloc.ID)
	must.SliceNotEmpty(t, refusals, must.Sprint(story(state)))
	for _, refusal := range refusals {
		must.StrContains(t, refusal, isGone)
	}
	must.Positive(t, kind.lines, must.Sprintf("a task that %s ended by itself: %s", kind.name, story(state)))
	lines := c.linesOf(t, w, kind)
	for i, line := range lines {
		begins := line == "1" && (i == 0 || i >= kind.lines)
		goesOn := i > 0 && lines[i-1] != strconv.Itoa(kind.lines) && follows(line, lines[i-1])
		must.True(t, begins || goesOn,
			must.Sprintf("%s, line %d of %d is %s", kind.name, i+1, len(lines), line))
	}
	t.Logf("the agent died before it had recorded the end of a task that %s, and ran it again", kind.name)
	return true
}

// follows tells whether a line has the number after the other's.
func follows(line, before string) bool {
	number, err := strconv.Atoi(before)
	return err == nil && line == strconv.Itoa(number+1)
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

// wantLate expects the exact ends of tasks whose starts were disturbed.
func (c *chaos) wantLate(t *testing.T, job *api.Job, kinds []kind) {
	t.Helper()
	for index, alloc := range c.groups(t, job, len(kinds)) {
		harness.Eventually(t, 3*limit, "the end of a task that was started late", func() error {
			state, err := c.state(alloc, "task")
			if err != nil {
				return err
			}
			ends := events(state, api.TaskTerminated)
			if len(ends) == 0 {
				return fmt.Errorf("it has not ended: %s", story(state))
			}
			if code := ends[len(ends)-1].ExitCode; code != kinds[index].code {
				return fmt.Errorf("code %d in the place of %d: %s", code, kinds[index].code, story(state))
			}
			return nil
		})
	}
}
