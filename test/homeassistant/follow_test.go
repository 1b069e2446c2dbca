//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// keepAlive is the bridge's MQTT keep-alive: a silent death is noticed within one and a half of it,
// a kill at once.
const keepAlive = 30 * time.Second

// TestValuesFollow changes values, makes devices unreachable and reachable again, and kills the
// bridge.
func TestValuesFollow(t *testing.T) {
	h, ha := newHome(t)
	began := time.Now()
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	first := ha.mustRegistry()

	t.Run("values", func(t *testing.T) {
		ha := ha.in(t)
		h.hall.Motion, h.hall.Temperature, h.hall.Lux, h.hall.Battery = true, -3.25, 0, 5
		h.door.Open, h.door.Tampered = true, true
		h.livingRoom.PM25, h.livingRoom.CO, h.livingRoom.Temperature, h.livingRoom.AirQuality = 33.5, 12, 19.99, 41
		h.publish()
		ha.isComplete(h, harness.Patience)
		h.hall.Motion, h.door.Open, h.door.Tampered = false, false, false
		h.publish()
		ha.isComplete(h, harness.Patience)
	})

	t.Run("history and logbook", func(t *testing.T) {
		ha := ha.in(t)
		within(t, harness.Patience, "the history of the temperature", func() error {
			return ha.remembers(began, first.entities[uniqueID(hallSensor, "temperature")].EntityID, "20.57", "-3.25")
		})
		within(t, harness.Patience, "the logbook's entries of the motion", func() error {
			return ha.logbook(began, first.entities[uniqueID(hallSensor, "motion")].EntityID, "on", "off")
		})
	})

	t.Run("a sensor goes out of reach alone and comes back", func(t *testing.T) {
		ha := ha.in(t)
		h.hall.Reachable = false
		h.publish()
		ha.isComplete(h, harness.Patience)
		h.hall.Reachable, h.cellar.Reachable = true, true
		h.publish()
		ha.isComplete(h, harness.Patience)
	})

	t.Run("a monitor goes out of reach alone and comes back", func(t *testing.T) {
		ha := ha.in(t)
		h.bedroom.Reachable = false
		h.publish()
		ha.isComplete(h, harness.Patience)
		h.bedroom.Reachable = true
		h.publish()
		ha.isComplete(h, harness.Patience)
	})

	t.Run("last seen, once the user enables it", func(t *testing.T) {
		ha := ha.in(t)
		lastSeen := first.entities[uniqueID(hallSensor, "last_seen")].EntityID
		if err := ha.call("config/entity_registry/update", map[string]any{"entity_id": lastSeen, "disabled_by": nil}, nil); err != nil {
			t.Fatal(err)
		}
		// Home Assistant reloads the integration by itself after 30 s.
		ha.reloadMQTT()
		within(t, harness.Patience, "last seen", func() error {
			r, err := ha.registry()
			if err != nil {
				return err
			}
			at, err := time.Parse(time.RFC3339, r.state(hallSensor, "last_seen"))
			if err == nil && at.Before(began.Truncate(time.Second)) {
				err = fmt.Errorf("it is %v", at)
			}
			return err
		})
		ha.isComplete(h, harness.Patience)
	})

	t.Run("the bridge is killed and comes back", func(t *testing.T) {
		ha := ha.in(t)
		h.stopBridge(syscall.SIGKILL)
		ha.isAway(keepAlive)
		h.startBridge()
		ha.isComplete(h, backWithin)
		if err := sameNames(first, ha.mustRegistry()); err != nil {
			t.Error(err)
		}
	})

	t.Run("what the sources do not know is unknown", func(t *testing.T) {
		ha := ha.in(t)
		h.stopBridge(syscall.SIGTERM)
		h.cellar.NeverReported = true
		h.livingRoom.NoPM10 = true // though Home Assistant knows the entity
		h.Hue.Remove(h.cellar.MAC)
		h.publish()
		h.startBridge()
		within(t, harness.Patience, "nothing is made up", func() error {
			r, err := ha.registry()
			if err != nil {
				return err
			}
			for _, key := range [][2]string{{livingRoomAir, "pm10"}, {cellarSensor, "temperature"}, {cellarSensor, "motion"}} {
				if got := r.state(key[0], key[1]); got != "unknown" && got != "unavailable" {
					return fmt.Errorf("%v is %s", key, got)
				}
			}
			if got := r.state(livingRoomAir, "pm25"); !same(got, h.livingRoom.PM25) {
				return fmt.Errorf("PM2.5 is %s", got)
			}
			return nil
		})
	})
	ha.checkLog()
}

// reloadMQTT reloads Home Assistant's MQTT integration.
func (ha *hass) reloadMQTT() {
	ha.t.Helper()
	const entries = "/api/config/config_entries/entry"
	var mqtt []struct {
		ID string `json:"entry_id"`
	}
	if err := ha.get(entries+"?domain=mqtt", &mqtt); err != nil || len(mqtt) != 1 {
		ha.t.Fatalf("the MQTT integration: %v, %v", mqtt, err)
	}
	ha.post(entries+"/"+mqtt[0].ID+"/reload", nil, nil)
}

// remembers checks that the history of an entity has these states.
func (ha *hass) remembers(since time.Time, entityID string, want ...string) error {
	var history [][]state
	err := ha.get("/api/history/period/"+since.UTC().Format(time.RFC3339)+"?filter_entity_id="+entityID, &history)
	if err != nil {
		return err
	}
	var got []string
	for _, states := range history {
		for _, s := range states {
			got = append(got, s.State)
		}
	}
	return hasAll(got, want)
}

// logbook checks that the logbook has these states of an entity.
func (ha *hass) logbook(since time.Time, entityID string, want ...string) error {
	var entries []struct{ State string }
	err := ha.get("/api/logbook/"+url.PathEscape(since.UTC().Format(time.RFC3339))+"?entity="+entityID, &entries)
	if err != nil {
		return err
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.State)
	}
	return hasAll(got, want)
}

func hasAll(got, want []string) error {
	for _, w := range want {
		if !slices.Contains(got, w) {
			return fmt.Errorf("%q is not among %q", w, got)
		}
	}
	return nil
}
