package web

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
)

const (
	// findLimit is longer than a search for Hue bridges takes.
	findLimit = 15 * time.Second
	// pairLimit is the time for the button, and some for what comes before and after.
	pairLimit = pairing.ButtonTime + 20*time.Second
)

// pairProgress is how far the pairing with a Hue bridge is.
type pairProgress struct {
	Host        string
	ID, Model   string // once it has told who it is
	Encrypted   bool
	Fingerprint string
	Until       time.Time // the button counts until then; zero while it need not be pressed
	Paired      bool
	Devices     []bridge.DevicePicture
}

type huePage struct {
	Finding  jobState[[]pairing.Found]
	Pairing  jobState[pairProgress]
	Bridges  []bridge.EndpointPicture
	Paired   []pairing.Pairing
	Problem  bridge.ProblemPicture
	Just     bool // paired here, and nothing has happened to that since
	Devices  []bridge.DevicePicture
	Lines    []string
	File     string
	StateDir string
}

func (s *Server) huePage(p bridge.Picture) huePage {
	page := huePage{
		Finding: s.finding.now(), Pairing: s.pairing.now(), File: s.o.ConfigFile, StateDir: s.o.Config.StateDir,
		Devices: devicesOf(p, hue.Source), Bridges: endpointsOf(p, hue.Source),
	}
	if state, err := pairing.Load(s.o.Config.StateDir); err == nil { // else those that need it report it
		page.Paired = state.Bridges
	}
	page.Problem = problemOf(p, hue.Source)
	page.Just = page.Pairing.Result.Paired && !page.Problem.Since.After(page.Pairing.Began)
	if s.isSetUp(hue.Source) && !s.o.Config.Hue.Enabled {
		page.Lines = []string{"hue:", "  enabled: true"}
	}
	if len(page.Devices) == 0 {
		page.Devices = page.Pairing.Result.Devices
	}
	return page
}

func devicesOf(p bridge.Picture, source string) (all []bridge.DevicePicture) {
	for _, d := range p.Devices {
		if d.Source == source {
			all = append(all, d)
		}
	}
	return all
}

func endpointsOf(p bridge.Picture, source string) []bridge.EndpointPicture {
	for _, s := range p.Sources {
		if s.Source == source {
			return s.Endpoints
		}
	}
	return nil
}

// problemOf is the problem of a source that only the user can mend.
func problemOf(p bridge.Picture, source string) bridge.ProblemPicture {
	for _, s := range p.Sources {
		if s.Source == source {
			return s.Problem
		}
	}
	return bridge.ProblemPicture{}
}

func (s *Server) doFindHue(*http.Request, visit) string {
	s.finding.begin(s, findLimit, func(ctx context.Context, update func(func(*[]pairing.Found))) error {
		found, err := s.o.FindHue(ctx)
		if len(found) == 0 {
			return errors.Join(sentence("No Hue bridge was found. Look up its address in the Hue app (Settings, Bridges, i) and write it below."), err)
		}
		pairing.Describe(ctx, found)
		update(func(result *[]pairing.Found) { *result = found })
		return nil
	})
	return "/hue"
}

func (s *Server) doPairHue(r *http.Request, _ visit) string {
	host := strings.TrimSpace(r.PostForm.Get("host"))
	s.pairing.begin(s, pairLimit, func(ctx context.Context, update func(func(*pairProgress))) error {
		update(func(p *pairProgress) { p.Host = host })
		return s.pairHue(ctx, host, update)
	})
	return "/hue"
}

// pairHue is what the command hue pair does.
func (s *Server) pairHue(ctx context.Context, host string, update func(func(*pairProgress))) error {
	if host == "" {
		return sentence("Write the address of the Hue bridge.")
	}
	c := s.o.Config
	n, err := pairing.Identify(ctx, pairing.Options{Host: host, StateDir: c.StateDir, Timeout: c.Hue.Timeout, Setting: "the address"})
	if err != nil {
		return err
	}
	update(func(p *pairProgress) {
		p.ID, p.Model, p.Encrypted, p.Fingerprint = n.ID, n.Model, n.Encrypted, n.Fingerprint
		p.Until = time.Now().Add(pairing.ButtonTime)
	})
	name, err := os.Hostname()
	if err != nil {
		name = "host" // shown in the Hue app only
	}
	err = n.Pair(ctx, name, func(time.Duration) {})
	switch {
	case errors.Is(err, context.Canceled):
		return sentence("Stopped before the button was pressed.")
	case err != nil:
		return err
	}
	update(func(p *pairProgress) { p.Paired, p.Until = true, time.Time{} })
	devices, err := s.collectHue(ctx, n.ID)
	if err != nil {
		return err
	}
	update(func(p *pairProgress) { p.Devices = devices })
	return s.o.Ready(ctx, hue.Source)
}

// collectHue reads the bridge with the new key.
func (s *Server) collectHue(ctx context.Context, id string) ([]bridge.DevicePicture, error) {
	c := s.o.Config
	collector, err := hue.New(hue.Options{ID: id, StateDir: c.StateDir, Timeout: c.Hue.Timeout, Areas: c.Hue.Areas, Setting: pairing.StateFile})
	if err != nil {
		return nil, err
	}
	defer collector.Close()
	return collect(ctx, collector, s.o.Retrier(hue.Source))
}

// doForgetHue does what the command hue forget does. The bridge notices it by itself.
func (s *Server) doForgetHue(r *http.Request, _ visit) string {
	if err := pairing.Forget(s.o.Config.StateDir, r.PostForm.Get("id")); err != nil {
		s.o.Errors.Warn("a Hue bridge can't be forgotten", zap.Error(err))
	}
	return "/hue"
}

func (s *Server) doStopPairing(*http.Request, visit) string {
	s.pairing.end()
	return "/hue"
}
