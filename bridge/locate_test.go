package bridge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
)

func TestBrokerIsLocatedBeforeEachConnection(t *testing.T) {
	inHouse(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *house) {
		var usernames []string
		h.established = func(c *broker.Client) { usernames = append(usernames, string(c.Properties.Username)) }
		h.stopBroker()
		h.startBroker()

		asked, missing := 0, errors.New("there is no broker")
		h.options.MQTT.Broker = ""
		h.options.LocateBroker = func(context.Context) (configs.MQTT, error) {
			asked++
			located := h.options.MQTT
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
		if asked < 10 || asked > 20 {
			t.Errorf("asked %d times in a minute", asked)
		}
		wantHealth(t, l.Healthy, "")
		if n := h.logs.FilterMessage("no connection to the broker; trying again every few seconds").Len(); n != 1 {
			t.Errorf("logged %d times", n)
		}

		missing = nil
		after(10 * time.Second)
		if b := picture(t, l).Broker; !b.Connected || b.Address != "tcp://located:1883" {
			t.Errorf("%+v", b)
		}
		h.want("hueair2mqtt/bridge/state", "online")
		before := asked
		h.stopBroker()
		h.startBroker()
		after(10 * time.Second)
		if asked <= before || !picture(t, l).Broker.Connected {
			t.Errorf("asked %d times, then %d", before, asked)
		}
		for _, name := range usernames {
			if name != "app" {
				t.Errorf("connected as %q", name)
			}
		}
	})
}
