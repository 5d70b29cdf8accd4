package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Containerd is one namespace of a daemon, looked at with its own command line client.
type Containerd struct {
	Address   string
	Namespace string
}

// callLimit is the longest that one call of ctr may take; an import of the largest image is the longest.
const callLimit = 2 * time.Minute

// Ctr runs the client and gives its standard output.
func (c Containerd) Ctr(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	args = append([]string{"--address", c.Address, "--namespace", c.Namespace}, args...)
	command := exec.CommandContext(ctx, "ctr", args...)
	out, err := command.Output()
	if err != nil {
		var text string
		if exit, ok := err.(*exec.ExitError); ok {
			text = strings.TrimSpace(string(exit.Stderr))
		}
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return string(out), nil
}

type archive struct {
	File      string `json:"file"`
	Reference string `json:"reference"`
}

func archives(dir string) (map[string]archive, error) {
	bytes, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, err
	}
	table := map[string]archive{}
	return table, json.Unmarshal(bytes, &table)
}

// Import loads the archive of that short name.
func (c Containerd) Import(dir, name string) error {
	table, err := archives(dir)
	if err != nil {
		return fmt.Errorf("the table of the test images: %w", err)
	}
	image, known := table[name]
	if !known {
		return fmt.Errorf("no test image is called %s in %s", name, dir)
	}
	_, err = c.Ctr("images", "import", "--snapshotter", "overlayfs", filepath.Join(dir, image.File))
	return err
}

// Reference is the full reference of the test image of that short name.
func (e Environment) Reference(name string) (string, error) {
	table, err := archives(e.Images)
	if err != nil {
		return "", err
	}
	image, known := table[name]
	if !known {
		return "", fmt.Errorf("no test image is called %s in %s", name, e.Images)
	}
	return image.Reference, nil
}

// Task is one task as the daemon lists it.
type Task struct {
	ID     string
	Pid    int
	Status string
}

// Tasks lists the tasks of the namespace. The daemon asks their shims, and lists a task whose shim does not answer
// within two seconds with an unknown state and no process (containerd, services/tasks): then it is asked again.
func (c Containerd) Tasks() ([]Task, error) {
	deadline := time.Now().Add(Limit)
	for {
		tasks, err := c.list()
		if err != nil || !slices.ContainsFunc(tasks, func(task Task) bool { return task.Status == "UNKNOWN" }) {
			return tasks, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("not within %s: the states of %v", Limit, tasks)
		}
		time.Sleep(Pause)
	}
}

func (c Containerd) list() ([]Task, error) {
	out, err := c.Ctr("tasks", "list")
	if err != nil {
		return nil, err
	}
	var tasks []Task
	for _, line := range strings.Split(out, "\n")[1:] {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		pid, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("not a line of tasks: %q", line)
		}
		tasks = append(tasks, Task{ID: fields[0], Pid: pid, Status: fields[2]})
	}
	return tasks, nil
}

// TaskOf gives the only task of an allocation.
func (c Containerd) TaskOf(allocID string) (Task, error) {
	tasks, err := c.Tasks()
	if err != nil {
		return Task{}, err
	}
	var found []Task
	for _, task := range tasks {
		if strings.Contains(task.ID, allocID) {
			found = append(found, task)
		}
	}
	if len(found) != 1 {
		return Task{}, fmt.Errorf("%d tasks of the allocation %s among %v", len(found), allocID, tasks)
	}
	return found[0], nil
}

// Leftovers names everything in the namespace that a purged task must not leave.
func (c Containerd) Leftovers() []string {
	var left []string
	add := func(kind, out string, err error, keep func(line string) bool) {
		if err != nil {
			left = append(left, err.Error())
		}
		for _, line := range strings.Split(out, "\n") {
			if line = strings.TrimSpace(line); line != "" && keep(line) {
				left = append(left, kind+" "+line)
			}
		}
	}
	all := func(string) bool { return true }
	out, err := c.Ctr("tasks", "list", "--quiet")
	add("task", out, err, all)
	out, err = c.Ctr("containers", "list", "--quiet")
	add("container", out, err, all)
	out, err = c.Ctr("leases", "list", "--quiet")
	add("lease", out, err, all)
	out, err = c.Ctr("snapshots", "--snapshotter", "overlayfs", "list")
	add("snapshot", out, err, func(line string) bool {
		return strings.HasSuffix(line, "Active") || strings.HasSuffix(line, "View")
	})
	out, err = c.sandboxes()
	add("sandbox", out, err, all)
	for _, shim := range shims(c.Namespace) {
		left = append(left, "shim "+shim)
	}
	return left
}

// sandboxes lists the records of the namespace, one line each; daemons before 1.7 have no plugin that keeps them.
func (c Containerd) sandboxes() (string, error) {
	plugins, err := c.Ctr("plugins", "list")
	if err != nil {
		return "", err
	}
	kept := slices.ContainsFunc(strings.Split(plugins, "\n"), func(line string) bool {
		fields := strings.Fields(line)
		return len(fields) > 1 && fields[0] == "io.containerd.grpc.v1" && fields[1] == "sandboxes"
	})
	if !kept {
		return "", nil
	}
	out, err := c.Ctr("sandboxes", "list")
	if err != nil {
		return "", err
	}
	_, rows, _ := strings.Cut(out, "\n")
	return rows, nil
}

// LeftAfter is what Leftovers still names when the time is over: a shim ends after its task was removed.
func (c Containerd) LeftAfter(limit time.Duration) []string {
	deadline := time.Now().Add(limit)
	for {
		left := c.Leftovers()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(Pause)
	}
}

func shims(namespace string) []string {
	var found []string
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		line, err := os.ReadFile(path)
		words := strings.Split(string(line), "\x00")
		if err != nil || !strings.Contains(words[0], "containerd-shim") {
			continue
		}
		for i, word := range words[:len(words)-1] {
			if word == "-namespace" && words[i+1] == namespace {
				found = append(found, filepath.Base(filepath.Dir(path))+" "+strings.Join(words, " "))
			}
		}
	}
	return found
}

// RemoveAll empties the namespace and removes it; what can not be removed stays for the daemon's owner.
func (c Containerd) RemoveAll() {
	lines := func(args ...string) []string {
		out, _ := c.Ctr(args...)
		return strings.Fields(out)
	}
	for _, id := range lines("tasks", "list", "--quiet") {
		_, _ = c.Ctr("tasks", "delete", "--force", id)
	}
	for _, id := range lines("containers", "list", "--quiet") {
		_, _ = c.Ctr("containers", "delete", id)
	}
	for _, id := range lines("leases", "list", "--quiet") {
		_, _ = c.Ctr("leases", "delete", id)
	}
	for _, name := range lines("images", "list", "--quiet") {
		_, _ = c.Ctr("images", "remove", "--sync", name)
	}
	_, _ = c.Ctr("namespaces", "remove", c.Namespace)
}
