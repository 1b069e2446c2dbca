//go:build faults && linux

package faults

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"hueair2mqtt/test/harness"
)

// footprint is the resources of a process.
type footprint struct {
	descriptors, threads int
	residentKB           int
}

func (f footprint) String() string {
	return fmt.Sprintf("%d descriptors, %d threads, %.1f MiB resident", f.descriptors, f.threads, float64(f.residentKB)/1024)
}

// footprint returns the resources that the process uses now.
func (p *program) footprint() footprint {
	p.t.Helper()
	return footprint{descriptors: len(p.Descriptors()), threads: p.Status("Threads"), residentKB: p.Status("VmRSS")}
}

// atRest returns the footprint between two polls: the fewest descriptors over two intervals.
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

// goroutines ends the program with SIGQUIT, on which Go prints every goroutine, and counts them.
// This needs no socket in the program.
func (p *program) goroutines() (n int, stacks string) {
	p.t.Helper()
	before := len(p.Stderr.String())
	p.Signal(syscall.SIGQUIT)
	p.Wait()
	stacks = p.Stderr.String()[before:]
	n = strings.Count(stacks, "\ngoroutine ")
	if n == 0 {
		p.t.Fatalf("SIGQUIT printed no goroutine:\n%s", stacks)
	}
	return n, stacks
}

// shrinks waits until the process uses no more descriptors than before and returns its footprint.
// An idle connection to Alexa may stay open for 30 seconds, an abandoned handshake for 10.
func (p *program) shrinks(before footprint) (after footprint) {
	p.t.Helper()
	harness.Within(p.t, 45*time.Second, "the descriptors of before", func() error {
		if after = p.atRest(); after.descriptors > before.descriptors {
			return fmt.Errorf("before %s; now %s:\n%s", before, after, strings.Join(p.Descriptors(), "\n"))
		}
		return nil
	})
	return after
}
