// Package harness starts the driver as Nomad does, makes tasks for it and looks into containerd.
package harness

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Environment is what the run was given; see the package agent for each variable.
type Environment struct {
	Address   string
	DriverBin string
	Images    string
	CNIPath   string
	Xtask     string
	// ContainerdBin may be empty: the host's own.
	ContainerdBin string
}

// LoadEnvironment reads the variables, or says which are missing.
func LoadEnvironment() (Environment, error) {
	env := Environment{ContainerdBin: os.Getenv("CONTAINERD_BIN")}
	var missing []string
	for _, variable := range []struct {
		name string
		into *string
	}{
		{"CONTAINERD_ADDRESS", &env.Address},
		{"CONTAINERD_DRIVER_BIN", &env.DriverBin},
		{"TEST_IMAGES", &env.Images},
		{"CNI_PATH", &env.CNIPath},
		{"XTASK_BIN", &env.Xtask},
	} {
		if *variable.into = os.Getenv(variable.name); *variable.into == "" {
			missing = append(missing, variable.name)
		}
	}
	if len(missing) > 0 {
		return env, fmt.Errorf("not set: %s (run these cases with cargo xtask test --tier agent)",
			strings.Join(missing, ", "))
	}
	return env, nil
}

// Env gives the variables to a case; Main has checked them.
func Env(t testing.TB) Environment {
	t.Helper()
	env, err := LoadEnvironment()
	if err != nil {
		t.Fatalf("\n%v", err)
	}
	return env
}
