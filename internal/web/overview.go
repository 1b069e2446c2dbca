package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
)

// overview is the page that shows all readings, and what is wrong.
type overview struct {
	options *Options
	stored  storedAccess
	broker  *brokerTrial
}

type overviewData struct {
	Problems []problem
	Waiting  bool // for the first poll
	Steps    []step
	Lines    []string
	File     string
	Rooms    []room
	Sources  []sourceRow
	Broker   bridge.BrokerPicture
	Address  string // of the broker
	Started  time.Time
	Version  string
}

// step is a step of the set-up.
type step struct {
	Text string
	Link string
	Done bool
}

type room struct {
	Name    string
	Devices []deviceCard
}

type deviceCard struct {
	bridge.DevicePicture
	Readings []reading
}

type sourceRow struct {
	Source string
	bridge.EndpointPicture
	Refused bool
}

func (o *overview) content(p bridge.Picture) (data any, busy bool) {
	page := overviewData{
		Problems: problemsOf(p, o.options), Steps: o.steps(p), Rooms: o.rooms(p.Devices), File: o.options.ConfigFile,
		Lines:  slices.Concat(o.stored.hueLines(), o.stored.amazonLines(), o.broker.lines()),
		Broker: p.Broker, Address: o.broker.address(p.Broker), Started: p.Started, Version: p.Version,
	}
	for _, source := range p.Sources {
		for _, e := range source.Endpoints {
			page.Waiting = page.Waiting || e.LastPoll.IsZero()
			page.Sources = append(page.Sources, sourceRow{source.Source, e, !source.Problem.Since.IsZero()})
		}
	}
	return page, false
}

// steps returns the set-up where the user is to go through it: on the page of the
// command setup, and in a Home Assistant app until one source is set up.
func (o *overview) steps(p bridge.Picture) []step {
	paired, signedIn := len(o.stored.paired()) > 0, o.stored.signedIn()
	broker := step{"Try the MQTT broker", "/mqtt", o.broker.works()}
	switch {
	case o.options.Mode == Service, o.options.Mode == Ingress && (paired || signedIn):
		return nil
	case o.options.Mode == Ingress:
		broker = step{"Connect to the MQTT broker", "/mqtt", p.Broker.Connected}
	}
	return []step{{"Pair with the Philips Hue bridge", "/hue", paired}, {"Sign in to Amazon", "/amazon", signedIn}, broker}
}

// rooms sorts the devices into their rooms. Devices without a room come last.
func (o *overview) rooms(devices []bridge.DevicePicture) (rooms []room) {
	now := time.Now()
	for _, d := range devices {
		i := slices.IndexFunc(rooms, func(r room) bool { return r.Name == d.Area })
		if i < 0 {
			i = len(rooms)
			rooms = append(rooms, room{Name: d.Area})
		}
		card := deviceCard{d, readings(d)}
		for j := range card.Readings {
			r := &card.Readings[j]
			r.Sparkline = o.options.Sparklines.draw(now, d.ID, r.Measurement, r.IsBool)
		}
		rooms[i].Devices = append(rooms[i].Devices, card)
	}
	slices.SortFunc(rooms, func(a, b room) int {
		if (a.Name == "") != (b.Name == "") {
			return strings.Compare(b.Name, a.Name)
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, r := range rooms {
		slices.SortStableFunc(r.Devices, func(a, b deviceCard) int { return strings.Compare(a.Name, b.Name) })
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
		o.options.Log.Info("a request from the page was not done", zap.Error(err))
	}
}
