package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
)

// overview is the page that shows all readings and problems.
type overview struct {
	options *Options
	setups  setups
	broker  *brokerTrial
}

type overviewData struct {
	Problems []problem
	Waiting  bool // for the first poll
	Steps    []step
	Lines    []string
	Rooms    []room
	Address  string // of the broker
	bridge.Picture
}

type room struct {
	Name    string
	Devices []deviceCard
}

type deviceCard struct {
	bridge.DevicePicture
	Readings []reading
}

func (o *overview) content(p bridge.Picture) (data any, busy bool) {
	shown := overviewData{
		Problems: problemsOf(p, o.options, o.setups), Steps: o.steps(p), Rooms: o.rooms(p.Devices),
		Lines:   append(o.setups.lines(""), o.broker.lines()...),
		Address: o.broker.address(p.Broker), Picture: p,
	}
	for _, source := range p.Sources {
		for _, e := range source.Endpoints {
			shown.Waiting = shown.Waiting || e.LastPoll.IsZero()
		}
	}
	return shown, false
}

// steps returns the set-up while the user is to go through it: on the page of the
// command setup, and in a Home Assistant app until one source is set up.
func (o *overview) steps(p bridge.Picture) []step {
	steps := o.setups.steps()
	switch {
	case o.options.Mode == Setup:
		return append(steps, step{"Try the MQTT broker", "/mqtt", o.broker.works()})
	case o.options.Mode == Ingress && !slices.ContainsFunc(steps, func(s step) bool { return s.Done }):
		return append(steps, step{"Connect to the MQTT broker", "/mqtt", p.Broker.Connected})
	}
	return nil
}

// rooms groups the devices by room. Devices without a room come last.
func (o *overview) rooms(devices []bridge.DevicePicture) (rooms []room) {
	now := time.Now()
	last := func(area string) string { return cmp.Or(area, "\U0010ffff") }
	sorted := slices.SortedStableFunc(slices.Values(devices), func(a, b bridge.DevicePicture) int {
		return cmp.Or(cmp.Compare(last(a.Area), last(b.Area)), cmp.Compare(a.Name, b.Name))
	})
	for _, d := range sorted {
		if len(rooms) == 0 || rooms[len(rooms)-1].Name != d.Area {
			rooms = append(rooms, room{Name: d.Area})
		}
		card := deviceCard{d, readings(d)}
		for i := range card.Readings {
			r := &card.Readings[i]
			r.Sparkline = o.options.Sparklines.Draw(now, d.ID, r.Measurement, r.IsBool)
		}
		in := &rooms[len(rooms)-1]
		in.Devices = append(in.Devices, card)
	}
	return rooms
}

func (o *overview) refresh(r *http.Request) string {
	o.logFailure(o.options.Bridge.Refresh(r.Context(), r.PostForm.Get("source")))
	return "/"
}

func (o *overview) acknowledge(r *http.Request) string {
	o.logFailure(o.options.Bridge.Acknowledge(r.Context(), r.PostForm.Get("source")))
	return "/"
}

// logFailure logs a request that the bridge could not do, since it is shutting down
// or the problem is solved. The page shows that anyway.
func (o *overview) logFailure(err error) {
	if err != nil {
		o.options.Log.Info("a request from the page failed", zap.Error(err))
	}
}
