package check

import (
	"context"
	"time"
)

// Probe examines one component.
type Probe struct {
	Component string
	// Look returns the findings. It should return when ctx is done; if it doesn't, Run
	// abandons it.
	Look func(ctx context.Context) []Finding
}

// grace is the time that a probe has to report its failure after its context is done.
const grace = 500 * time.Millisecond

// Run runs all probes concurrently and returns their findings in the order of the probes. It
// returns at the deadline at the latest: a probe that has not answered by then, because a
// disk or a server hangs, has failed.
func Run(ctx context.Context, deadline time.Time, probes []Probe) []Finding {
	limit := time.Until(deadline) - grace
	looking, cancel := context.WithDeadline(ctx, deadline.Add(-grace))
	defer cancel()
	found := make([]chan []Finding, len(probes))
	for i, p := range probes {
		found[i] = make(chan []Finding, 1)
		go func() { found[i] <- p.Look(looking) }()
	}
	over := time.NewTimer(time.Until(deadline))
	defer over.Stop()
	late := false
	var all []Finding
	for i, p := range probes {
		if late {
			select {
			case f := <-found[i]:
				all = append(all, f...)
			default:
				all = append(all, unanswered(p.Component, limit))
			}
			continue
		}
		select {
		case f := <-found[i]:
			all = append(all, f...)
		case <-over.C:
			late = true
			all = append(all, unanswered(p.Component, limit))
		}
	}
	return all
}

func unanswered(component string, limit time.Duration) Finding {
	return Failed(component, "see whether the machine, disk or network behind it hangs, then run the check again",
		"did not answer within %.0f s", limit.Seconds())
}
