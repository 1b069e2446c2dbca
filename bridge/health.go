package bridge

import (
	"errors"
	"fmt"
	"time"
)

// overdueAfter is the number of intervals without a poll after which the bridge counts
// as unhealthy. A poll with its retries takes up to one interval, so a healthy bridge
// has at most two from the start of one poll to the end of the next.
const overdueAfter = 3

// unhealthy returns an error if an endpoint is overdue.
func (s *state) unhealthy() error {
	for _, e := range s.endpoints {
		last := latest(e.added, e.lastPoll)
		due := latest(last, e.throttling.until) // a pause has no polls
		if time.Since(due) > overdueAfter*e.task.Interval {
			return fmt.Errorf("%s was not polled for %s, although its interval is %s", e.source(), time.Since(last).Round(time.Second), e.task.Interval)
		}
	}
	return nil
}

// unready returns an error if the bridge is unhealthy or does not do all its work yet.
func (s *state) unready() error {
	if err := s.unhealthy(); err != nil {
		return err
	}
	for _, e := range s.endpoints {
		if !e.polled() {
			return fmt.Errorf("%s was not polled yet", e.source())
		}
	}
	if !s.broker.Connected && !s.preview {
		return errors.New("there is no connection to the broker")
	}
	return nil
}
