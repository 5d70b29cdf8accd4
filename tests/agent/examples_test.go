package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/shoenig/test/must"
)

// examplesRun submits every job file of the examples as it is; each is a batch job or a service whose
// tasks run.
func examplesRun(t *testing.T, c *cluster) {
	files, err := filepath.Glob("../../examples/*.nomad.hcl")
	must.NoError(t, err)
	must.SliceNotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			must.NoError(t, err)
			made, err := c.api.Jobs().ParseHCL(string(text), true)
			must.NoError(t, err)
			c.submit(t, made)
			alloc := c.alloc(t, made)
			for _, task := range made.TaskGroups[0].Tasks {
				if *made.Type == "batch" && task.Lifecycle == nil {
					must.Eq(t, 0, c.exit(t, alloc, task.Name))
				} else if *made.Type != "batch" {
					c.until(t, alloc, task.Name, "running")
				}
			}
		})
	}
}
