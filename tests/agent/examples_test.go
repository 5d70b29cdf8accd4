package agent

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"containerd-driver.test/agent/harness"
	"github.com/hashicorp/nomad/api"
	"github.com/shoenig/test/must"
)

const examples = "../../examples"

// shown is what a task of an example prints when its options took effect, by file and task.
var shown = map[string]map[string]*regexp.Regexp{
	"redis.nomad.hcl":          {"client": regexp.MustCompile(`(?m)^key:5 is 'value 5 of [0-9a-f]{8}'\n5 keys written and read$`)},
	"options/blocks.nomad.hcl": {"show": regexp.MustCompile(`^from a template(?s:.*)\b16384\b.* /scratch\n$`)},
	"options/cores.nomad.hcl":  {"show": regexp.MustCompile(`^Cpus_allowed_list:\t\d+\n$`)},
	"options/dns.nomad.hcl":    {"show": regexp.MustCompile(`^nameserver 10\.0\.0\.53\nsearch example\.com\noptions ndots:2\n$`)},
	// memory_max of 64 MiB.
	"options/limits.nomad.hcl": {"show": regexp.MustCompile(`^memory: 67108864\nall limits hold\n$`)},
	// A template's file, and the sizes of two memory file systems in KiB.
	"options/mounts.nomad.hcl": {"show": regexp.MustCompile(`^from a template(?s:.*)\b16384\b.* /scratch\n(?s:.*)\b1024\b.* /small\n$`)},
	"options/names.nomad.hcl":  {"show": regexp.MustCompile(`^names-1\n(?s:.*)10\.0\.0\.5\s+db\n(?s:.*)2001:db8::6\s+six\n`)},
	"options/namespaces.nomad.hcl": {
		"docker": regexp.MustCompile(`^all namespaces are the host's\n$`),
		"podman": regexp.MustCompile(`^the network and the users alone are the host's\n$`),
	},
	"options/prepared.nomad.hcl": {"show": regexp.MustCompile(`^of the host\nhello from a device\n$`)},
	"options/privileges.nomad.hcl": {
		// CAP_NET_BIND_SERVICE alone, and a filter.
		"confined":   regexp.MustCompile(`(?m)^CapEff:\t0{13}400\n(?s:.*)^Seccomp:\t2$`),
		"privileged": regexp.MustCompile(`^\d{2,}\n$`),
	},
	"options/process.nomad.hcl": {
		"cwd":    regexp.MustCompile(`^the process is as told\n$`),
		"docker": regexp.MustCompile(`^/docker\n$`),
		"podman": regexp.MustCompile(`^/podman\n$`),
	},
	"options/registry.nomad.hcl": {"show": regexp.MustCompile(`^the image is here\n$`)},
}

// lonely examples run before the others and before any other agent of the host does: a core that one has is taken
// away from the others, and each agent writes the host's cpusets as if it had them alone.
var lonely = []string{"options/cores.nomad.hcl"}

// What the client of an agent has for the example of a node that was prepared.
const (
	greetings = "greetings"
	noMkdir   = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}`
	greeting  = "cdiVersion: 0.6.0\nkind: example.com/greeting\ndevices:\n- name: hello\n  containerEdits:\n    env: [GREETING=hello]\n"
)

// prepareExamples writes that into a directory, of which it gives the profile's path; the CDI device is the host's,
// and goes with the test.
func prepareExamples(t *testing.T, dir string) string {
	t.Helper()
	must.NoError(t, os.MkdirAll(filepath.Join(dir, greetings), 0o755))
	must.NoError(t, os.WriteFile(filepath.Join(dir, greetings, "hello"), []byte("of the host\n"), 0o644))
	profile := filepath.Join(dir, "no-mkdir.json")
	must.NoError(t, os.WriteFile(profile, []byte(noMkdir), 0o644))
	const cdi = "/var/run/cdi"
	must.NoError(t, os.MkdirAll(cdi, 0o755))
	file := filepath.Join(cdi, "example.com-greeting.yaml")
	t.Cleanup(func() {
		must.NoError(t, os.Remove(file))
		// It stays where somebody else uses it.
		_ = os.Remove(cdi)
	})
	must.NoError(t, os.WriteFile(file, []byte(greeting), 0o644))
	return profile
}

// examplesRun submits every job file of the examples as it is. The tasks of a batch job end well, those of
// a service run.
func examplesRun(t *testing.T, c *cluster) {
	var files []string
	must.NoError(t, filepath.WalkDir(examples, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".nomad.hcl") {
			files = append(files, strings.TrimPrefix(path, examples+"/"))
		}
		return err
	}))
	for file := range shown {
		must.SliceContains(t, files, file)
	}
	for _, file := range files {
		must.MapContainsKey(t, shown, file)
		if !slices.Contains(lonely, file) {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				exampleRuns(t, c, file)
			})
		}
	}
}

func exampleRuns(t *testing.T, c *cluster, file string) {
	text, err := os.ReadFile(filepath.Join(examples, file))
	must.NoError(t, err)
	made, err := c.api.Jobs().ParseHCL(string(text), true)
	must.NoError(t, err)
	c.submit(t, made)
	alloc := c.alloc(t, made)
	for _, task := range made.TaskGroups[0].Tasks {
		if *made.Type != api.JobTypeBatch {
			c.until(t, alloc, task.Name, "running")
		} else if task.Lifecycle == nil {
			must.Eq(t, 0, c.exit(t, alloc, task.Name))
		}
	}
	for task, want := range shown[file] {
		harness.Eventually(t, limit, "what "+task+" shows", func() error {
			got, err := c.logs(alloc, task, "stdout")
			if err == nil && !want.MatchString(got) {
				err = fmt.Errorf("expected %s, got %q", want, got)
			}
			return err
		})
	}
}
