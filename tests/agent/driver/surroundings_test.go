package driver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/shoenig/test/must"
)

// in runs a script in a task and gives its standard output; it must succeed.
func in(t *testing.T, task *harness.Case, script string) string {
	t.Helper()
	result, err := task.ExecTask(task.Config.ID, []string{"/bin/sh", "-c", script}, harness.Limit)
	must.NoError(t, err)
	must.Eq(t, 0, result.ExitResult.ExitCode, must.Sprintf("%s: %s", script, result.Stderr))
	return strings.TrimSpace(string(result.Stdout))
}

func TestTheAllocationsDirectoriesAreInTheTask(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "sleep 1000")
	dir := task.Config.TaskDir()
	for inside, outside := range map[string]string{
		"/alloc":   dir.SharedAllocDir,
		"/local":   dir.LocalDir,
		"/secrets": dir.SecretsDir,
	} {
		in(t, task, "echo from the task > "+inside+"/file")
		text, err := os.ReadFile(filepath.Join(outside, "file"))
		must.NoError(t, err)
		must.Eq(t, "from the task\n", string(text))
	}
	must.Eq(t, "/alloc /local /secrets", in(t, task, `echo "$NOMAD_ALLOC_DIR $NOMAD_TASK_DIR $NOMAD_SECRETS_DIR"`))
	private := filepath.Join(task.Config.AllocDir, task.Config.Name, "private")
	must.NoError(t, os.MkdirAll(private, 0o700))
	must.NoError(t, os.WriteFile(filepath.Join(private, "hidden-from-tasks"), nil, 0o600))
	must.Eq(t, "", in(t, task, "find / -xdev -name hidden-from-tasks; find /alloc /local /secrets -name hidden-from-tasks"))
}

func TestTheEnvironmentIsTheJobsAndNotTheHosts(t *testing.T) {
	t.Setenv("OF_THE_HOST", "must not be seen")
	plugin := harness.Launch(t, nil)
	task := plugin.Run(t, "env; sleep 1000", func(config *drivers.TaskConfig) {
		config.Env = map[string]string{"OF_THE_JOB": "two  words", "EMPTY": ""}
		config.DeviceEnv = map[string]string{"OF_A_DEVICE": "0"}
	})
	seen := in(t, task, "env")
	for _, line := range []string{"OF_THE_JOB=two  words", "EMPTY=", "OF_A_DEVICE=0", "PATH=/bin:/usr/bin"} {
		must.StrContains(t, "\n"+seen+"\n", "\n"+line+"\n")
	}
	must.StrNotContains(t, seen, "OF_THE_HOST")
	must.StrNotContains(t, seen, "NOMAD_PLUGIN_MAGIC_COOKIE")
}

func TestTheTaskSeesOnlyItsOwnProcesses(t *testing.T) {
	plugin := begin(t)
	// The container's first process has another name until it has become the task's.
	task := plugin.Run(t, trapping(":"))
	task.UntilLog(t, "stdout", "ready\n")
	must.Eq(t, "sh", in(t, task, "cat /proc/1/comm"))
	must.StrNotContains(t, in(t, task, "ps"), "containerd")
}

func TestMountsAreAtTheirPlacesWithTheirRights(t *testing.T) {
	plugin := begin(t)
	source := t.TempDir()
	must.NoError(t, os.WriteFile(filepath.Join(source, "file"), []byte("of the host\n"), 0o644))
	task := plugin.Run(t, "sleep 1000", func(config *drivers.TaskConfig) {
		config.Mounts = []*drivers.MountConfig{
			{HostPath: source, TaskPath: "/data/rw", PropagationMode: "private"},
			{HostPath: source, TaskPath: "/data/ro", Readonly: true, PropagationMode: "private"},
		}
		config.Devices = []*drivers.DeviceConfig{{HostPath: "/dev/fuse", TaskPath: "/dev/fuse", Permissions: "rwm"}}
	})
	must.Eq(t, "of the host", in(t, task, "cat /data/ro/file"))
	in(t, task, "echo changed > /data/rw/file")
	must.Eq(t, "changed", in(t, task, "cat /data/ro/file"))
	in(t, task, "! echo again > /data/ro/file")
	in(t, task, "test -c /dev/fuse")
}

func TestUsersAreNamedOrNumberedOrTheImages(t *testing.T) {
	plugin := begin(t)
	for user, want := range map[string]string{
		"":          "0 0",
		"app":       "1000 1000",
		"1001":      "1001 2000",
		"app:staff": "1000 50",
		"4321:1234": "4321 1234",
	} {
		t.Run("user "+user, func(t *testing.T) {
			task := plugin.Run(t, "sleep 1000", func(config *drivers.TaskConfig) { config.User = user })
			must.Eq(t, want, in(t, task, `echo "$(id -u) $(id -g)"`))
		})
	}
}

func TestLimitsAreTheTasks(t *testing.T) {
	plugin := begin(t)
	task := plugin.Run(t, "cat /proc/self/cgroup; exec sleep 1000")
	limit := groupFile(t, task, "memory", "memory.limit_in_bytes")
	if limit == "" {
		limit = groupFile(t, task, "", "memory.max")
	}
	must.Eq(t, "67108864", limit)
}

// groupFile reads a file of a task's cgroup, after the task has written its own /proc/self/cgroup; it is
// empty when the host has no such hierarchy.
func groupFile(t *testing.T, task *harness.Case, controller, name string) string {
	t.Helper()
	harness.Eventually(t, harness.Limit, "the groups of the task", func() error {
		if !strings.HasSuffix(task.Log(t, "stdout"), "\n") {
			return errText("not written")
		}
		return nil
	})
	for _, line := range strings.Split(task.Log(t, "stdout"), "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), controller) {
			text, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", controller, fields[2], name))
			if !os.IsNotExist(err) {
				must.NoError(t, err)
			}
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}
