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
	// pairLimit is the time to press the button, and some for the requests.
	pairLimit = pairing.ButtonTime + 20*time.Second
)

// huePairing is the page that finds, pairs and forgets Hue bridges.
type huePairing struct {
	options *Options
	jobs    *jobs
	setups  setups
	finding job[[]pairing.Found]
	pairing job[pairProgress]
}

// pairProgress is the progress of pairing with a Hue bridge.
type pairProgress struct {
	Host        string
	ID, Model   string // known after the first request
	Encrypted   bool
	Fingerprint string
	Until       time.Time // when the button must have been pressed; zero before and after
	Paired      bool
	Devices     []bridge.DevicePicture
}

type hueData struct {
	Finding jobState[[]pairing.Found]
	Pairing jobState[pairProgress]
	Paired  []pairing.Pairing
	Source  bridge.SourcePicture
	Just    bool // paired on this page, without a problem since
	Devices []bridge.DevicePicture
	Lines   []string
}

func (h *huePairing) content(p bridge.Picture) (data any, busy bool) {
	shown := hueData{
		Finding: h.finding.now(), Pairing: h.pairing.now(), Source: sourceOf(p, hue.Source),
		Devices: devicesOf(p, hue.Source), Lines: h.setups.lines(hue.Source),
	}
	if stored, err := pairing.Load(h.options.Config.StateDir); err == nil { // the bridge reports the error
		shown.Paired = stored.Bridges
	}
	shown.Just = shown.Pairing.Result.Paired && !shown.Source.Problem.Since.After(shown.Pairing.Began)
	if len(shown.Devices) == 0 {
		shown.Devices = shown.Pairing.Result.Devices
	}
	return shown, shown.Finding.Running || shown.Pairing.Running
}

func (h *huePairing) find(*http.Request) string {
	h.finding.start(h.jobs, findLimit, func(ctx context.Context, update func(func(*[]pairing.Found))) error {
		found, err := h.options.FindHue(ctx)
		if len(found) == 0 {
			return errors.Join(sentence("No Hue bridge was found. Look up its address in the Hue app (Settings, Bridges, i) and enter it below."), err)
		}
		pairing.Describe(ctx, found)
		update(func(result *[]pairing.Found) { *result = found })
		return nil
	})
	return "/hue"
}

func (h *huePairing) pair(r *http.Request) string {
	host := strings.TrimSpace(r.PostForm.Get("host"))
	h.pairing.start(h.jobs, pairLimit, func(ctx context.Context, update func(func(*pairProgress))) error {
		update(func(p *pairProgress) { p.Host = host })
		return h.pairWith(ctx, host, update)
	})
	return "/hue"
}

// pairWith pairs as the command hue pair does, and then reads the bridge once.
func (h *huePairing) pairWith(ctx context.Context, host string, update func(func(*pairProgress))) error {
	if host == "" {
		return sentence("Enter the address of the Hue bridge.")
	}
	c := h.options.Config
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
		name = "host" // only the Hue app shows it
	}
	err = n.Pair(ctx, name, func(time.Duration) {})
	switch {
	case errors.Is(err, context.Canceled):
		return sentence("Stopped before the button was pressed.")
	case err != nil:
		return err
	}
	update(func(p *pairProgress) { p.Paired, p.Until = true, time.Time{} })
	collector, err := hue.New(hue.Options{ID: n.ID, StateDir: c.StateDir, Timeout: c.Hue.Timeout, Areas: c.Hue.Areas, Setting: pairing.StateFile})
	if err != nil {
		return err
	}
	defer collector.Close()
	devices, err := readOnce(ctx, collector, h.options.Retrier(hue.Source))
	if err != nil {
		return err
	}
	update(func(p *pairProgress) { p.Devices = devices })
	return h.options.Ready(ctx, hue.Source)
}

func (h *huePairing) stop(*http.Request) string {
	h.pairing.cancel()
	return "/hue"
}

// forget forgets a bridge as the command hue forget does. A running bridge notices.
func (h *huePairing) forget(r *http.Request) string {
	if err := pairing.Forget(h.options.Config.StateDir, r.PostForm.Get("id")); err != nil {
		h.options.Log.Warn("could not forget a Hue bridge", zap.Error(err))
	}
	return "/hue"
}
