package agent

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

// port gives the address of a port on this machine.
func port(t *testing.T, alloc *api.Allocation, label string) string {
	t.Helper()
	for _, mapping := range alloc.AllocatedResources.Shared.Ports {
		if mapping.Label == label {
			return fmt.Sprintf("%s:%d", mapping.HostIP, mapping.Value)
		}
	}
	t.Fatalf("\nno port %s among %v", label, alloc.AllocatedResources.Shared.Ports)
	return ""
}

// get fetches a page, or says why it is not there yet.
func get(address string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + address + "/file")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", answer.Status)
	}
	return string(text), err
}

func untilPage(t *testing.T, address, want string) {
	t.Helper()
	harness.Eventually(t, limit, "the page of "+address, func() error {
		got, err := get(address)
		if err == nil && got != want {
			err = fmt.Errorf("it says %q", got)
		}
		return err
	})
}

func aPublishedPortIsReached(t *testing.T, c *cluster) {
	server := shell(t, "server", "mkdir /tmp/www; echo served > /tmp/www/file; exec httpd -f -p 8080 -h /tmp/www")
	client := shell(t, "client", "until wget -q -O - http://127.0.0.1:8080/file; do sleep 0.1; done; echo ready; "+idle)
	made := job(t, api.JobTypeService, server, client)
	made.TaskGroups[0].Networks = []*api.NetworkResource{{
		Mode:         "bridge",
		DynamicPorts: []api.Port{{Label: "web", To: 8080}},
	}}
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.until(t, alloc, "server", "running")
	untilPage(t, port(t, alloc, "web"), "served\n")
	// The other task of the group shares its loopback.
	c.untilLogs(t, alloc, "client", "stdout", "served\nready\n")
	_, hosts, _ := c.exec(t, alloc, "client", false, strings.NewReader(""), "cat", "/etc/hosts")
	must.StrContains(t, hosts, "localhost")
}

func aServiceIsRegistered(t *testing.T, c *cluster) {
	task := shell(t, "task", "mkdir /tmp/www; echo served > /tmp/www/file; exec httpd -f -p $NOMAD_PORT_web -h /tmp/www")
	made := job(t, api.JobTypeService, task)
	made.TaskGroups[0].Networks = []*api.NetworkResource{{DynamicPorts: []api.Port{{Label: "web"}}}}
	task.Config["host_network"] = true
	made.TaskGroups[0].Services = []*api.Service{{
		Name:      "under-test",
		Provider:  "nomad",
		PortLabel: "web",
		// Nomad's own registry runs no script checks.
		Checks: []api.ServiceCheck{
			{Name: "page", Type: "http", Path: "/file", Interval: time.Second, Timeout: 5 * time.Second},
			{Name: "port", Type: "tcp", Interval: time.Second, Timeout: 5 * time.Second},
		},
	}}
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.until(t, alloc, "task", "running")
	harness.Eventually(t, limit, "both checks pass", func() error {
		checks, err := c.api.Allocations().Checks(alloc.ID, nil)
		if err != nil {
			return err
		}
		if len(checks) != 2 {
			return fmt.Errorf("%d checks", len(checks))
		}
		for _, check := range checks {
			if check.Status != "success" {
				return fmt.Errorf("%s: %s, %s", check.Check, check.Status, check.Output)
			}
		}
		return nil
	})
	services, _, err := c.api.Services().Get("under-test", nil)
	must.NoError(t, err)
	must.SliceLen(t, 1, services)
	untilPage(t, fmt.Sprintf("%s:%d", services[0].Address, services[0].Port), "served\n")
}

func hostVolumesAreMounted(t *testing.T, c *cluster) {
	source := func(name string) string { return filepath.Join(filepath.Dir(c.allocs), name, "file") }
	must.NoError(t, os.WriteFile(source("read-only"), []byte("of the host\n"), 0o644))
	task := shell(t, "task", "cat /ro/file; echo written > /rw/file; ! echo no > /ro/file")
	made := job(t, api.JobTypeBatch, task)
	made.TaskGroups[0].Volumes = map[string]*api.VolumeRequest{
		"ro": {Name: "ro", Type: "host", Source: "read-only", ReadOnly: true},
		"rw": {Name: "rw", Type: "host", Source: "read-write"},
	}
	task.VolumeMounts = []*api.VolumeMount{
		{Volume: ref("ro"), Destination: ref("/ro"), ReadOnly: ref(true)},
		{Volume: ref("rw"), Destination: ref("/rw")},
	}
	c.submit(t, made)
	alloc := c.alloc(t, made)
	must.Eq(t, 0, c.exit(t, alloc, "task"))
	c.untilLogs(t, alloc, "task", "stdout", "of the host\n")
	text, err := os.ReadFile(source("read-write"))
	must.NoError(t, err)
	must.Eq(t, "written\n", string(text))
	text, err = os.ReadFile(source("read-only"))
	must.NoError(t, err)
	must.Eq(t, "of the host\n", string(text))
}

func anUpdateInPlaceKeepsTheProcess(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeService, shell(t, "task", "echo ready; "+idle))
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.untilLogs(t, alloc, "task", "stdout", "ready\n")
	before, err := c.daemon.TaskOf(alloc.ID)
	must.NoError(t, err)
	made.TaskGroups[0].Tasks[0].KillTimeout = ref(3 * time.Second)
	made.Meta = map[string]string{}
	made.Priority = ref(60)
	c.update(t, made)
	harness.Eventually(t, limit, "the allocation has the new version", func() error {
		now, _, err := c.api.Allocations().Info(alloc.ID, nil)
		if err == nil && *now.Job.Version != 1 {
			err = fmt.Errorf("version %d", *now.Job.Version)
		}
		return err
	})
	must.SliceLen(t, 1, c.all(t, made, 1))
	after, err := c.daemon.TaskOf(alloc.ID)
	must.NoError(t, err)
	must.Eq(t, before, after)
}

func aDestructiveUpdateReplaces(t *testing.T, c *cluster) {
	made := job(t, api.JobTypeService, shell(t, "task", "echo old; "+idle))
	c.submit(t, made)
	old := c.alloc(t, made)
	c.untilLogs(t, old, "task", "stdout", "old\n")
	made.TaskGroups[0].Tasks[0].Config["args"] = []string{"-c", "echo new; " + idle}
	c.update(t, made)
	now := c.all(t, made, 2)[0]
	must.NotEq(t, old.ID, now.ID)
	c.untilLogs(t, now, "task", "stdout", "new\n")
	c.until(t, old, "task", "dead")
}

func aChangeScriptRuns(t *testing.T, c *cluster) {
	task := shell(t, "task", "cat /local/value; echo ready; "+idle)
	made := job(t, api.JobTypeService, task)
	path := "nomad/jobs/" + *made.ID
	set := func(value string) {
		t.Helper()
		_, _, err := c.api.Variables().Update(&api.Variable{
			Namespace: "default", Path: path, Items: api.VariableItems{"value": value},
		}, nil)
		must.NoError(t, err)
	}
	set("first")
	task.Templates = []*api.Template{{
		DestPath:     ref("local/value"),
		EmbeddedTmpl: ref(fmt.Sprintf("{{ with nomadVar %q }}{{ .value }}{{ end }}\n", path)),
		ChangeMode:   ref("script"),
		Splay:        ref(time.Millisecond),
		ChangeScript: &api.ChangeScript{
			Command:     ref("/bin/sh"),
			Args:        []string{"-c", "cat /local/value > /proc/1/fd/1"},
			Timeout:     ref(20 * time.Second),
			FailOnError: ref(true),
		},
	}}
	c.submit(t, made)
	alloc := c.alloc(t, made)
	c.untilLogs(t, alloc, "task", "stdout", "first\nready\n")
	set("second")
	c.untilLogs(t, alloc, "task", "stdout", "first\nready\nsecond\n")
	state, err := c.state(alloc, "task")
	must.NoError(t, err)
	must.Zero(t, state.Restarts, must.Sprint(story(state)))
}
