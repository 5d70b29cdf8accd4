package agent

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
	"options/limits.nomad.hcl": {"show": regexp.MustCompile(`^all limits hold\n$`)},
	// A template's file, and the sizes of two memory file systems in KiB.
	"options/mounts.nomad.hcl": {"show": regexp.MustCompile(`^from a template(?s:.*)\b16384\b.* /scratch\n(?s:.*)\b1024\b.* /small\n`)},
	"options/names.nomad.hcl":  {"show": regexp.MustCompile(`^names-1\n(?s:.*)10\.0\.0\.5\s+db\n(?s:.*)2001:db8::6\s+six\n`)},
	"options/privileges.nomad.hcl": {
		// CAP_NET_BIND_SERVICE alone, and a filter.
		"confined":   regexp.MustCompile(`(?m)^CapEff:\t0{13}400\n(?s:.*)^Seccomp:\t2$`),
		"privileged": regexp.MustCompile(`^\d{2,}\n$`),
	},
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
		t.Run(file, func(t *testing.T) {
			t.Parallel()
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
		})
	}
}
