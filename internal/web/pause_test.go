package web_test

import (
	"strings"
	"testing"
	"time"

	"hueair2mqtt/bridge"
)

// A source that pauses is not offered to be asked again.
func TestPausedSource(t *testing.T) {
	s := newSite(t, nil)
	until := time.Now().Add(30 * time.Minute)
	s.bridge.change(func(p *bridge.Picture) {
		source := &p.Sources[0]
		source.Problem = bridge.ProblemPicture{}
		source.Endpoints[0] = bridge.EndpointPicture{
			Endpoint: "amazon.co.uk", LastPoll: time.Now(), NextPoll: until, PausedUntil: until, Error: "too <b>many</b>", Remedy: "wait a while",
		}
	})
	body := s.visitor().do("GET", "/", nil).body
	for _, part := range []string{
		"Amazon asks for fewer requests", "too &lt;b&gt;many", "What to do: wait a while", "paused</b>",
		"Paused until <time datetime=\"" + until.UTC().Format(time.RFC3339),
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, part := range []string{"Poll now", "Try again now", "tries again by itself"} {
		if strings.Contains(body, part) {
			t.Errorf("the page has %q", part)
		}
	}
}
