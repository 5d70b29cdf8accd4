package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

// registry stands in for a Consul agent, since Nomad runs script checks for services of Consul alone. It
// takes every registration and remembers what was last said of each check.
type registry struct {
	lock   sync.Mutex
	checks map[string]checkUpdate
}

type checkUpdate struct{ Status, Output string }

// beginRegistry serves one until the case ends and gives its address.
func beginRegistry(t *testing.T) (*registry, string) {
	t.Helper()
	r := &registry{checks: map[string]checkUpdate{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, strings.TrimPrefix(server.URL, "http://")
}

// ServeHTTP answers the calls of Consul's agent API that a Nomad client makes.
func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if id, found := strings.CutPrefix(request.URL.Path, "/v1/agent/check/update/"); found {
		var update checkUpdate
		if err := json.NewDecoder(request.Body).Decode(&update); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.lock.Lock()
		defer r.lock.Unlock()
		r.checks[id] = update
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if request.URL.Path == "/v1/agent/self" {
		_, _ = fmt.Fprint(w, `{"Config": {"Datacenter": "dc1", "NodeName": "stand-in", "Server": true, "Version": "1.20.0"}}`)
		return
	}
	_, _ = fmt.Fprint(w, "{}")
}

// untilSaid waits until that is the last word on a check.
func (r *registry) untilSaid(t *testing.T, want checkUpdate) {
	t.Helper()
	harness.Eventually(t, limit, "the check is "+want.Status, func() error {
		r.lock.Lock()
		defer r.lock.Unlock()
		for _, said := range r.checks {
			if said == want {
				return nil
			}
		}
		return fmt.Errorf("said so far: %v", r.checks)
	})
}

func aScriptCheckRunsInTheTask(t *testing.T, c *cluster) {
	task := shell(t, "task", "echo fine > /tmp/health; echo ready; "+idle)
	task.Services = []*api.Service{{
		Name:     "checked",
		Provider: "consul",
		Checks: []api.ServiceCheck{{
			Name:     "script",
			Type:     "script",
			Command:  "/bin/sh",
			Args:     []string{"-c", "cat /tmp/health; grep -q fine /tmp/health || exit 2"},
			Interval: time.Second,
			Timeout:  20 * time.Second,
		}},
	}}
	alloc := running(t, c, task)
	c.registry.untilSaid(t, checkUpdate{"passing", "fine\n"})
	code, _, _ := c.exec(t, alloc, "task", false, strings.NewReader(""), "/bin/sh", "-c", "echo ill > /tmp/health")
	must.Eq(t, 0, code)
	c.registry.untilSaid(t, checkUpdate{"critical", "ill\n"})
}
