package bridge_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
)

func TestBrokerIsLocatedBeforeEachConnection(t *testing.T) {
	inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
		var mu sync.Mutex
		var usernames []string
		h.established = func(c *broker.Client) {
			mu.Lock()
			defer mu.Unlock()
			usernames = append(usernames, string(c.Properties.Username))
		}
		h.stopBroker()
		h.startBroker()

		asked, missing := 0, errors.New("there is no broker")
		times := func() int {
			mu.Lock()
			defer mu.Unlock()
			return asked
		}
		initial := h.options.Broker.Settings
		h.options.Broker.Settings.Broker = ""
		h.options.Broker.Locate = func(context.Context) (configs.MQTT, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			located := initial
			located.Broker, located.Username, located.Password = "tcp://located:1883", "app", "secret"
			return located, missing
		}
		l := bridge.NewLive()
		h.options.Live = l
		h.start()
		after(time.Minute)
		if b := picture(t, l).Broker; b.Connected || b.Error != "there is no broker" || b.Address != "" {
			t.Errorf("%+v", b)
		}
		if n := times(); n < 10 || n > 20 {
			t.Errorf("asked %d times in a minute", n)
		}
		wantHealth(t, l.Healthy, "")
		if n := h.logs.FilterMessage("no connection to the broker; trying again every few seconds").Len(); n != 1 {
			t.Errorf("logged %d times", n)
		}

		mu.Lock()
		missing = nil
		mu.Unlock()
		after(10 * time.Second)
		if b := picture(t, l).Broker; !b.Connected || b.Address != "tcp://located:1883" {
			t.Errorf("%+v", b)
		}
		h.want("hueair2mqtt/bridge/state", "online")
		before := times()
		h.stopBroker()
		h.startBroker()
		after(10 * time.Second)
		if n := times(); n <= before || !picture(t, l).Broker.Connected {
			t.Errorf("asked %d times, then %d", before, n)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, name := range usernames {
			if name != "app" {
				t.Errorf("connected as %q", name)
			}
		}
	})
}
