//go:build faults && linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// footprint is what the process holds.
type footprint struct {
	descriptors, threads int
	residentKB           int
}

func (f footprint) String() string {
	return fmt.Sprintf("%d descriptors, %d threads, %.1f MiB resident", f.descriptors, f.threads, float64(f.residentKB)/1024)
}

// footprint looks at the process now.
func (p *program) footprint() footprint {
	p.t.Helper()
	proc := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	descriptors, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		p.t.Fatal(err)
	}
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		p.t.Fatal(err)
	}
	number := func(field string) int {
		found := regexp.MustCompile(`(?m)^` + field + `:\s+(\d+)`).FindSubmatch(status)
		if found == nil {
			p.t.Fatalf("/proc tells no %s", field)
		}
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			p.t.Fatal(err)
		}
		return n
	}
	return footprint{descriptors: len(descriptors), threads: number("Threads"), residentKB: number("VmRSS")}
}

// atRest is the footprint between two polls: the fewest descriptors of a while.
func (p *program) atRest() footprint {
	p.t.Helper()
	least := p.footprint()
	for range 40 {
		wait(p.t, 2*interval/40)
		f := p.footprint()
		f.descriptors = min(f.descriptors, least.descriptors)
		f.residentKB = max(f.residentKB, least.residentKB)
		least = f
	}
	return least
}

// goroutines ends the program with SIGQUIT, on which Go prints every goroutine,
// and counts them. It is the way that needs no socket to ask through.
func (p *program) goroutines() (n int, stacks string) {
	p.t.Helper()
	before := len(p.log.String())
	p.signal(syscall.SIGQUIT)
	p.wait(patience)
	stacks = p.log.String()[before:]
	n = strings.Count(stacks, "\ngoroutine ")
	if n == 0 {
		p.t.Fatalf("SIGQUIT printed no goroutine:\n%s", stacks)
	}
	return n, stacks
}

// shrinks waits until the process holds no more descriptors than before, and
// returns what it holds then. An idle connection to Alexa may stay 30 seconds, a
// handshake that nobody waits for any more 10.
func (p *program) shrinks(before footprint) (after footprint) {
	p.t.Helper()
	within(p.t, 45*time.Second, "the descriptors of before", func() string {
		if after = p.atRest(); after.descriptors > before.descriptors {
			return fmt.Sprintf("before %s; now %s:\n%s", before, after, p.descriptors())
		}
		return ""
	})
	return after
}

// descriptors tells what the descriptors are.
func (p *program) descriptors() string {
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, entry := range entries {
		if to, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil {
			all = append(all, to)
		}
	}
	return strings.Join(all, "\n")
}
