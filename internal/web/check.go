package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"hueair2mqtt/internal/check"
)

// checkLimit is longer than a check takes, which has its own time limits.
const checkLimit = 20 * time.Second

// checkRun is the page that runs the command check.
type checkRun struct {
	options *Options
	jobs    *jobs
	job     job[[]check.Finding]
}

func (c *checkRun) content() (data any, busy bool) {
	state := c.job.now()
	return state, state.Running
}

func (c *checkRun) start(*http.Request) string {
	c.job.start(c.jobs, checkLimit, func(ctx context.Context, update func(func(*[]check.Finding))) error {
		findings := c.options.Check(ctx)
		update(func(result *[]check.Finding) { *result = findings })
		return nil
	})
	return "/check"
}

// passed reports whether there are findings and none of them failed.
func passed(findings []check.Finding) bool {
	return len(findings) > 0 && !slices.ContainsFunc(findings, func(f check.Finding) bool { return f.Status == check.Fail })
}
