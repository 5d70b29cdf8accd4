package harness

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// MountsBeneath lists the mount points beneath a directory, in the order in which they were made.
func MountsBeneath(dir string) ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// proc(5): the fifth field is the mount point, with octal escapes.
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			found = append(found, strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[4]))
		}
	}
	return found, lines.Err()
}

// unmountBeneath detaches every mount beneath a directory and tells which there were; one that goes with another one,
// or by somebody else's hand, is gone as well.
func unmountBeneath(dir string) ([]string, error) {
	mounts, err := MountsBeneath(dir)
	if err != nil {
		return nil, err
	}
	for i := len(mounts) - 1; i >= 0; i-- {
		// umount(2): EINVAL is told of what is no mount point.
		err := unix.Unmount(mounts[i], unix.MNT_DETACH)
		if err != nil && err != unix.EINVAL && err != unix.ENOENT {
			return nil, fmt.Errorf("can not unmount %s: %w", mounts[i], err)
		}
	}
	left, err := MountsBeneath(dir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("still mounted: %v", left)
	}
	return mounts, err
}
