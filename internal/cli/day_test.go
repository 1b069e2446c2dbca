//go:build browser

package cli

import (
	"context"
	"math"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/web"
	"hueair2mqtt/internal/web/sparkline"
)

// thing is a device whose values follow the hour of the day.
type thing struct {
	name, area string
	readings   func(hour float64) map[collectors.Measurement]collectors.Value
}

// things is a source of such devices.
type things struct {
	source, endpoint string
	all              []thing
}

func (t *things) Source() string   { return t.source }
func (t *things) Endpoint() string { return t.endpoint }
func (t *things) Close()           {}

func (t *things) Collect(context.Context, *collectors.Retrier) (s collectors.Snapshot, err error) {
	now := time.Now()
	hour := float64(now.Hour()) + float64(now.Minute())/60
	for _, one := range t.all {
		s.Devices = append(s.Devices, collectors.Device{
			ID: collectors.DeviceID(t.source, one.name), Name: one.name, Area: one.area, Online: true, LastSeen: now, Readings: one.readings(hour),
		})
	}
	return s, nil
}

// around returns a value that is highest at an hour, with noise.
func around(mean, swing, at, hour float64) float64 {
	return mean + swing*math.Cos((hour-at)*math.Pi/12) + swing/8*math.Sin(hour*9+mean)
}

func motionThing(name, area string, temperature, battery float64, busy func(hour float64) bool) thing {
	return thing{name, area, func(hour float64) map[collectors.Measurement]collectors.Value {
		light := max(0, around(60, 140, 13, hour))
		return map[collectors.Measurement]collectors.Value{
			collectors.Temperature: collectors.Number(around(temperature, 1.2, 17, hour)),
			collectors.Illuminance: collectors.Number(light),
			collectors.Motion:      collectors.Bool(busy(hour)),
			collectors.Battery:     collectors.Number(battery),
		}
	}}
}

func dayAtHome() []bridge.Task {
	atHome := func(hour float64) bool { return hour > 6.5 && hour < 8.5 || hour > 17 && hour < 22.5 }
	hue := &things{"hue", "001788fffe010203", []thing{
		motionThing("Hall sensor", "Hall", 20.5, 87, func(hour float64) bool { return atHome(hour) && math.Sin(hour*11) > 0.2 }),
		motionThing("Bedroom sensor", "Bedroom", 18.2, 64, func(hour float64) bool { return hour > 22 && hour < 23 || hour > 6 && hour < 7 }),
		{"Front door", "Hall", func(hour float64) map[collectors.Measurement]collectors.Value {
			return map[collectors.Measurement]collectors.Value{
				collectors.Contact: collectors.Bool(math.Abs(hour-8.3) < 0.1 || math.Abs(hour-17.1) < 0.1),
				collectors.Tamper:  collectors.Bool(false),
				collectors.Battery: collectors.Number(92),
			}
		}},
	}}
	amazon := &things{"amazon", "https://alexa.amazon.co.uk", []thing{
		{"Living Room Air", "Living Room", func(hour float64) map[collectors.Measurement]collectors.Value {
			cooking := 30 * math.Exp(-math.Pow((hour-18.5)*1.4, 2))
			return map[collectors.Measurement]collectors.Value{
				collectors.Temperature:      collectors.Number(around(21.2, 0.9, 18, hour)),
				collectors.Humidity:         collectors.Number(math.Round(around(47, 4, 7, hour))),
				collectors.PM25:             collectors.Number(math.Round(around(6, 2, 19, hour) + cooking)),
				collectors.PM10:             collectors.Number(math.Round(around(9, 3, 19, hour) + cooking*1.2)),
				collectors.CarbonMonoxide:   collectors.Number(0),
				collectors.VOCIndex:         collectors.Number(math.Round(around(14, 6, 20, hour) + cooking/2)),
				collectors.IndoorAirQuality: collectors.Number(math.Round(94 - cooking/1.5)),
			}
		}},
	}}
	return []bridge.Task{{Collector: hue, Interval: 5 * time.Minute}, {Collector: amazon, Interval: 5 * time.Minute}}
}

// still is a bridge with one fixed picture.
type still struct{ picture bridge.Picture }

func (s still) Picture(context.Context) (bridge.Picture, error) { return s.picture, nil }
func (s still) Watch(context.Context, func()) error             { return nil }
func (s still) Refresh(context.Context, string) error           { return nil }
func (s still) Acknowledge(context.Context, string) error       { return nil }

// serveADay runs the bridge for a day in virtual time and serves the page of its evening.
func serveADay(t *testing.T) (address string) {
	t.Helper()
	const duration = 44*time.Hour + time.Second
	var evening still
	now, sparklines := time.Now(), sparkline.New()
	t.Run("a day", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			live := bridge.NewLive()
			// The time in the bubble is in the past.
			behind := now.Sub(time.Now().Add(duration))
			record := func(device string, readings map[collectors.Measurement]collectors.Value) {
				sparklines.Record(time.Now().Add(behind), device, readings)
			}
			ended := make(chan error, 1)
			go func() {
				ended <- bridge.Run(ctx, bridge.Options{
					StateDir: t.TempDir(), Version: "1.0.0", Tasks: dayAtHome(), Log: zap.NewNop(), Live: live, Preview: true, OnReadings: record,
				})
			}()
			time.Sleep(duration)
			var err error
			if evening.picture, err = live.Picture(ctx); err != nil {
				t.Error(err)
			}
			end()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	// The bubble had no broker.
	p := &evening.picture
	p.Started, p.Broker = now.Add(-44*time.Hour), bridge.BrokerPicture{Connected: true, Since: now.Add(-44 * time.Hour)}
	for i := range p.Devices {
		p.Devices[i].LastSeen, p.Devices[i].Since = now.Add(-20*time.Second), p.Started
	}
	for i := range p.Sources {
		for j := range p.Sources[i].Endpoints {
			e := &p.Sources[i].Endpoints[j]
			e.LastPoll, e.LastSuccess, e.NextPoll = now.Add(-20*time.Second), now.Add(-20*time.Second), now.Add(40*time.Second)
		}
	}
	config, err := configs.Load("", nil, nil, "web")
	if err != nil {
		t.Fatal(err)
	}
	config.StateDir = t.TempDir()
	page := web.New(t.Context(), web.Options{Config: config, Bridge: evening, Sparklines: sparklines, Log: zap.NewNop()})
	server := httptest.NewServer(page.Handler())
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}
