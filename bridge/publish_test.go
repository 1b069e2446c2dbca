package bridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"hueair2mqtt/collectors"
)

const (
	stateOne        = "hueair2mqtt/hue_1"
	availabilityOne = "hueair2mqtt/hue_1/availability"
	configOne       = "homeassistant/device/hue_1/config"
)

func TestPublishesStateAvailabilityAndDiscovery(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21.34))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		h.want("hueair2mqtt/bridge/state", "online")
		h.want(stateOne, `{"battery":87,"connectivity":true,"illuminance":28.58,"last_seen":"2026-03-01T12:00:00Z","motion":true,"temperature":21.34}`)
		h.want(availabilityOne, "online")
		h.want("hueair2mqtt/hue/problem", `{"problem":false,"reason":null,"code":null,"since":null,"remedy":null,"acknowledged":false}`)
		for _, id := range []string{"hue_1", "hueair2mqtt_bridge", "hueair2mqtt_hue"} {
			if h.get("homeassistant/device/"+id+"/config") == "" {
				t.Errorf("%s is not announced", id)
			}
		}
		var info struct {
			Version    string
			Collectors map[string]struct {
				Connected *bool
				Devices   int
				LastPoll  time.Time `json:"last_poll"`
				Problem   bool
			}
		}
		if err := json.Unmarshal([]byte(h.get("hueair2mqtt/bridge/info")), &info); err != nil {
			t.Fatal(err)
		}
		source := info.Collectors["hue"]
		if info.Version != "1.2.3" || source.Devices != 1 || source.Connected == nil || !*source.Connected || source.LastPoll.IsZero() || source.Problem {
			t.Errorf("bridge/info says %s", h.get("hueair2mqtt/bridge/info"))
		}
	})
}

func TestStatesAreRetained(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		for topic := range h.retained {
			if strings.HasPrefix(topic, "$SYS") {
				continue
			}
			if packets := h.server.Topics.Messages(topic); len(packets) != 1 {
				t.Errorf("%s is not retained", topic)
			}
		}
	})
}

func TestStateIsPublishedEveryInterval(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(5*time.Minute + time.Second)
		if got := h.count(stateOne); got < 6 || got > 7 {
			t.Errorf("%d states in five minutes, want 6 or 7", got)
		}
		if got := h.count(configOne); got > 2 {
			t.Errorf("announced %d times though nothing changed", got)
		}
		hue.reports(motionSensor("1", 22.5))
		after(time.Minute)
		if !strings.Contains(h.get(stateOne), `"temperature":22.5`) {
			t.Errorf("state is %s", h.get(stateOne))
		}
	})
}

func TestRenamedDeviceIsAnnouncedAgain(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		renamed := motionSensor("1", 21)
		renamed.Name = "Porch"
		hue.reports(renamed)
		after(time.Minute)
		if !strings.Contains(h.get(configOne), `"name":"Porch"`) {
			t.Errorf("announced as %s", h.get(configOne))
		}
		nameless := motionSensor("1", 21)
		nameless.Name = ""
		delete(nameless.Readings, collectors.Illuminance)
		hue.reports(nameless)
		after(time.Minute)
		if got := h.get(configOne); !strings.Contains(got, `"name":"Porch"`) || !strings.Contains(got, `"illuminance"`) {
			t.Errorf("an incomplete poll removed the name or an entity: %s", got)
		}
		if got := h.get(stateOne); !strings.Contains(got, `"illuminance":null`) {
			t.Errorf("a missing reading is not null: %s", got)
		}
	})
}

func TestOfflineDeviceIsUnavailable(t *testing.T) {
	offline := motionSensor("1", 21)
	offline.Online = false
	for m := range offline.Readings {
		offline.Readings[m] = collectors.Unknown
	}
	hue := hueSource().reports(offline, motionSensor("2", 19))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		h.want(availabilityOne, "offline")
		h.want("hueair2mqtt/hue_2/availability", "online")
		if got := h.get(stateOne); !strings.Contains(got, `"connectivity":false`) || !strings.Contains(got, `"temperature":null`) {
			t.Errorf("state of the offline device: %s", got)
		}
	})
}

func TestMissingDeviceIsUnavailable(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21), motionSensor("2", 19))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		hue.reports(motionSensor("2", 19))
		after(time.Minute)
		h.want(availabilityOne, "offline")
		h.want("hueair2mqtt/hue_2/availability", "online")
		if h.get(configOne) == "" {
			t.Error("its announcement is gone")
		}
		hue.reports(motionSensor("1", 20), motionSensor("2", 19))
		after(time.Minute)
		h.want(availabilityOne, "online")
	})
}

const previousDevices = `[{"id":"hue_1","source":"hue","name":"Hall"},{"id":"amazon_x","source":"amazon"},{"id":"../+/#"},{"id":7}]`

func TestPreviousDeviceBecomesUnavailable(t *testing.T) {
	hue := hueSource().reports(motionSensor("2", 19))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.publish("hueair2mqtt/bridge/devices", strings.Replace(previousDevices, `,{"id":7}`, "", 1), true)
		h.publish(stateOne, `{"connectivity":true,"temperature":21}`, true)
		h.publish(availabilityOne, "online", true)
		h.publish("hueair2mqtt/amazon_x/availability", "online", true) // its source is switched off now
		h.start()
		after(time.Second)
		h.want(availabilityOne, "offline")
		h.want(stateOne, `{"connectivity":null,"last_seen":null}`)
		h.want("hueair2mqtt/amazon_x/availability", "offline")
		h.want("hueair2mqtt/hue_2/availability", "online")
		if got := h.get("hueair2mqtt/bridge/devices"); !strings.Contains(got, `"hue_1"`) || !strings.Contains(got, `"hue_2"`) || strings.Contains(got, "#") {
			t.Errorf("bridge/devices is %s", got)
		}
	})
}

func TestOtherProgramsTopicsAreLeftAlone(t *testing.T) {
	hue := hueSource().reports(motionSensor("2", 19))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		foreign := map[string]string{
			"hueair2mqtt/hue_lights":              `{"on":true}`,
			"hueair2mqtt/hue_lights/availability": "online",
			"hueair2mqtt/lamp/availability":       "online",
			"hueair2mqtt/lamp/problem":            `{"problem":true}`,
		}
		for topic, payload := range foreign {
			h.publish(topic, payload, true)
		}
		h.publish("hueair2mqtt/bridge/devices", "no list", true)
		h.publish("hueair2mqtt/bridge/info", "no JSON", true)
		h.start()
		after(5 * time.Minute)
		for topic, payload := range foreign {
			h.want(topic, payload)
		}
		h.want("hueair2mqtt/hue_2/availability", "online")
	})
}

func TestPreviousStateIsStaleUntilFirstPoll(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		h.stop()
		h.want(availabilityOne, "online")
		hue.does(func(ctx context.Context, _ *collectors.Retrier) (collectors.Snapshot, error) {
			<-ctx.Done()
			return collectors.Snapshot{}, collectors.FromNetwork(ctx.Err())
		})
		h.start()
		after(time.Second)
		h.want("hueair2mqtt/bridge/state", "online")
		h.want(availabilityOne, "offline")
		hue.reports(motionSensor("1", 21))
		after(time.Minute)
		h.want(availabilityOne, "online")
	})
}

func TestDisabledSourceIsWithdrawn(t *testing.T) {
	hue, amazon := hueSource().reports(motionSensor("1", 21)), amazonSource().fails(refused())
	inHome(t, []*source{hue, amazon}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		h.stop()
		h.options.Tasks = h.options.Tasks[:1]
		h.start()
		after(time.Second)
		h.want("hueair2mqtt/amazon/problem", `{"problem":false,"reason":null,"code":null,"since":null,"remedy":null,"acknowledged":false}`)
		h.want("homeassistant/device/hueair2mqtt_amazon/config", "")
		if h.get("homeassistant/device/hueair2mqtt_hue/config") == "" || h.get("hueair2mqtt/hue/problem") == "" {
			t.Error("an enabled source was withdrawn too")
		}
	})
}

// The broker disconnects the bridge whenever it has connected, as it does if another
// client uses its id. Two real bridges would not do: mochi may keep two clients that
// connect with one id at the same moment.
func TestSecondClientWithSameID(t *testing.T) {
	for name, stays := range map[string]time.Duration{"comes at once": 0, "comes a little later": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			hue := hueSource().reports(motionSensor("1", 21))
			inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
				var throwOut sync.WaitGroup
				var came atomic.Int64
				h.stopBroker()
				h.established = func(c *broker.Client) {
					came.Add(1)
					throwOut.Go(func() {
						time.Sleep(stays)
						c.Stop(packets.ErrSessionTakenOver)
					})
				}
				h.startBroker()
				h.start()
				after(10 * time.Minute)
				h.stop()
				throwOut.Wait()
				// The longest delay is 5 s; Paho takes 4 s more for a message that is being sent.
				if n := came.Load(); n < 60 || n > 130 {
					t.Errorf("%d connections in ten minutes", n)
				}
				if h.logs.FilterMessageSnippet("Does a second hueair2mqtt").Len() == 0 {
					t.Error("the likely cause is not logged")
				}
				if n := h.logs.FilterMessageSnippet("refused a subscription").Len(); n != 0 {
					t.Errorf("logged %d times that a subscription was refused, which is not true: %v", n, h.logs.FilterMessageSnippet("refused a subscription").All())
				}
			})
		})
	}
}

func TestFailingSourceAffectsItsOwnDevices(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	monitor := collectors.Device{ID: "amazon_a", Name: "Air", Online: true, Readings: map[collectors.Measurement]collectors.Value{collectors.Humidity: collectors.Number(48)}}
	amazon := amazonSource().reports(monitor)
	second := &source{name: "hue", endpoint: "http://192.0.2.2"}
	second.reports(motionSensor("9", 15))
	inHome(t, []*source{hue, amazon, second}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		hue.fails(unreachable())
		after(time.Minute)
		h.want(availabilityOne, "offline")
		h.want("hueair2mqtt/amazon_a/availability", "online")
		h.want("hueair2mqtt/hue_9/availability", "online")
		if got := h.get(stateOne); !strings.Contains(got, `"connectivity":null`) {
			t.Errorf("the connectivity is unknown, but the state is %s", got)
		}
		if got := h.get("hueair2mqtt/hue/problem"); !strings.Contains(got, `"problem":false`) {
			t.Errorf("an unreachable Hue bridge counts as an authentication problem: %s", got)
		}
		hue.reports(motionSensor("1", 22))
		after(time.Minute)
		h.want(availabilityOne, "online")
	})
}

func TestPanicFailsOnePoll(t *testing.T) {
	hue := hueSource()
	hue.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) { panic("surprise") })
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		if got := h.get("hueair2mqtt/bridge/info"); !strings.Contains(got, "failed unexpectedly") || strings.Contains(got, "goroutine") {
			t.Errorf("bridge/info says %s", got)
		}
		hue.reports(motionSensor("1", 21))
		after(time.Minute)
		h.want(availabilityOne, "online")
	})
}

func TestPollEndsWithItsInterval(t *testing.T) {
	hue := hueSource()
	hue.does(func(ctx context.Context, _ *collectors.Retrier) (collectors.Snapshot, error) {
		<-ctx.Done()
		return collectors.Snapshot{}, collectors.FromNetwork(ctx.Err())
	})
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(10*time.Minute + 30*time.Second)
		if got := hue.polled(); got != 11 {
			t.Errorf("%d polls in ten and a half minutes, want one at every full minute", got)
		}
	})
}

func TestBirthRepeatsDiscoveryThenStates(t *testing.T) {
	var devices []collectors.Device
	for i := range 120 {
		devices = append(devices, motionSensor(fmt.Sprint(i), 21))
	}
	hue := hueSource().reports(devices...)
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(10 * time.Second)
		before := len(h.lines())
		at := time.Now()
		h.publish("homeassistant/status", "online", false)
		after(20 * time.Second)
		var configs, states int
		for _, l := range h.lines()[before:] {
			switch {
			case strings.HasSuffix(l.topic, "/config"):
				configs++
				if states > 0 {
					t.Fatalf("%s came after a state", l.topic)
				}
				if l.at.Sub(at) < time.Second {
					t.Fatal("announced too early for Home Assistant")
				}
			case strings.Count(l.topic, "/") == 1 && strings.HasPrefix(l.topic, "hueair2mqtt/hue_"):
				states++
			}
		}
		if configs != 122 || states != 120 {
			t.Errorf("%d announcements and %d states, want 122 and 120", configs, states)
		}
	})
}

func TestBrokerAwayAndBack(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		h.stopBroker()
		for i := range 10 {
			hue.reports(motionSensor("1", float64(10+i)))
			after(time.Minute)
		}
		h.startBroker() // an empty one
		after(10 * time.Second)
		h.want("hueair2mqtt/bridge/state", "online")
		if got := h.get(stateOne); !strings.Contains(got, `"temperature":19,`) && !strings.Contains(got, `"temperature":19}`) {
			t.Errorf("state is %s, want the newest", got)
		}
		if h.get(configOne) == "" {
			t.Error("the device is not announced")
		}
		if n := h.count(stateOne); n > 2 {
			t.Errorf("%d states, want only the newest", n)
		}
	})
}

func TestStartsWithoutBroker(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.stopBroker()
		h.start()
		after(30 * time.Second)
		h.startBroker()
		after(10 * time.Second)
		h.want("hueair2mqtt/bridge/state", "online")
		h.want(availabilityOne, "online")
		if n := h.logs.FilterMessageSnippet("no connection to the broker").Len(); n != 1 {
			t.Errorf("logged %d times that there is no broker, want once", n)
		}
	})
}

func TestRunPublishesOfflineAtEnd(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		start := time.Now()
		h.stop()
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v to end", d)
		}
		h.want("hueair2mqtt/bridge/state", "offline")
		if !hue.closed {
			t.Error("the collector was not closed")
		}
	})
}

func TestRunEndsDuringPollWithoutBroker(t *testing.T) {
	hue := hueSource()
	hue.does(func(ctx context.Context, _ *collectors.Retrier) (collectors.Snapshot, error) {
		<-ctx.Done()
		return collectors.Snapshot{}, ctx.Err()
	})
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.stopBroker()
		h.start()
		after(time.Second)
		start := time.Now()
		h.stop()
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v to end", d)
		}
	})
}

func TestRefreshPollsNow(t *testing.T) {
	hue, amazon := hueSource().reports(motionSensor("1", 21)), amazonSource().reports()
	inHome(t, []*source{hue, amazon}, func(t *testing.T, h *testHome) {
		h.publish("hueair2mqtt/bridge/request/refresh", "PRESS", true) // retained requests are ignored
		h.start()
		after(5 * time.Second)
		if hue.polled() != 1 {
			t.Fatalf("%d polls before any request", hue.polled())
		}
		h.publish("hueair2mqtt/bridge/request/refresh", "PRESS", false)
		after(2 * time.Second)
		if hue.polled() != 2 || amazon.polled() != 2 {
			t.Errorf("%d and %d polls after Refresh, want 2 each", hue.polled(), amazon.polled())
		}
		h.want("hueair2mqtt/bridge/response/refresh", `{"status":"ok"}`)
		h.publish("hueair2mqtt/bridge/request/refresh", "amazon", false)
		after(2 * time.Second)
		if hue.polled() != 2 || amazon.polled() != 3 {
			t.Errorf("%d and %d polls after refreshing amazon, want 2 and 3", hue.polled(), amazon.polled())
		}
		for range 100 {
			h.publish("hueair2mqtt/bridge/request/refresh", strings.Repeat("x", 100_000), false)
			after(0)
		}
		after(2 * time.Second)
		if hue.polled() > 5 {
			t.Errorf("a flood of requests made %d polls", hue.polled())
		}
		after(time.Minute)
	})
}

func TestDiscoveryCanBeDisabled(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.options.HomeAssistant.Discovery = false
		h.start()
		after(time.Second)
		h.publish("homeassistant/status", "online", false)
		after(20 * time.Second)
		h.want(availabilityOne, "online")
		for _, l := range h.lines() {
			if strings.HasSuffix(l.topic, "/config") {
				t.Fatalf("announced on %s", l.topic)
			}
		}
	})
}

func TestUnreadableEntryIsLoggedOnce(t *testing.T) {
	hue := hueSource()
	hue.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		return collectors.Snapshot{Devices: []collectors.Device{motionSensor("1", 21)}, Faults: []error{fmt.Errorf("sensor 7: no name")}}, nil
	})
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(5 * time.Minute)
		if n := h.logs.FilterMessageSnippet("entries of the response could not be read").Len(); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

func TestRefusedSubscriptionIsLogged(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.stopBroker()
		h.unreadable = "homeassistant/status"
		h.startBroker()
		h.start()
		after(time.Second)
		h.want(availabilityOne, "online")
		logged := h.logs.FilterMessageSnippet("refused a subscription").All()
		if len(logged) != 1 || !strings.Contains(fmt.Sprint(logged[0].ContextMap()["topics"]), "homeassistant/status") {
			t.Errorf("logged %v, want once, with the topic", logged)
		}
		h.publish("hueair2mqtt/bridge/request/refresh", "", false)
		after(2 * time.Second)
		if hue.polled() != 2 {
			t.Error("the other subscriptions do not work")
		}
	})
}
