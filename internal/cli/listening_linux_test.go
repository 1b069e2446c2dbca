package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// listening is how many TCP sockets of a process listen, as the kernel tells.
func listening(t *testing.T, pid int) (n int) {
	t.Helper()
	listens := make(map[string]bool) // by inode
	for _, table := range []string{"tcp", "tcp6"} {
		content := harness.ReadFile(t, "/proc/net/"+table)
		for line := range strings.Lines(content) {
			const listen = "0A"
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == listen {
				listens[fields[9]] = true
			}
		}
	}
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(descriptors) == 0 {
		t.Fatalf("no descriptors of %d: %v", pid, err)
	}
	for _, descriptor := range descriptors {
		target, err := os.Readlink(descriptor)
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok && listens[strings.TrimSuffix(inode, "]")] {
			n++
		}
	}
	return n
}
