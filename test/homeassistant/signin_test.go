//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestSignInEnds revokes the sign-in to Amazon: Home Assistant shows the remedy, the documented
// automation fires, and a new sign-in clears the problem.
func TestSignInEnds(t *testing.T) {
	h, ha := newHome(t)
	began := time.Now()
	h.startBridge()
	ha.isComplete(h, harness.Patience)

	h.revoke()
	ha.shows(harness.Patience, amazonSource, "problem", "on")
	ha.shows(harness.Patience, amazonSource, "connected", "off")
	ha.shows(harness.Patience, livingRoomAir, "pm25", "unavailable")
	r := ha.mustRegistry()
	problem := r.entities[uniqueID(amazonSource, "problem")]
	attributes := problem.state.Attributes
	remedy, _ := attributes["remedy"].(string)
	if !strings.Contains(remedy, "hueair2mqtt amazon login") {
		t.Errorf("the remedy is %q", remedy)
	}
	if reason, _ := attributes["reason"].(string); reason == "" || attributes["acknowledged"] != false {
		t.Errorf("the problem's attributes are %v", attributes)
	}
	if since, err := time.Parse(time.RFC3339, fmt.Sprint(attributes["since"])); err != nil || time.Since(since) > harness.Patience {
		t.Errorf("the problem is there since %v", attributes["since"])
	}
	if got := r.state(hallSensor, "temperature"); !same(got, h.hall.Temperature) {
		t.Errorf("Hue does not go on: %s", got)
	}
	if got := r.state(hueSource, "problem"); got != "off" {
		t.Errorf("the problem of Hue is %s", got)
	}

	t.Run("the automation fires", func(t *testing.T) {
		ha := ha.in(t)
		within(t, harness.Patience, "a notification with the remedy", func() error {
			var notifications []struct{ Message string }
			if err := ha.call("persistent_notification/get", nil, &notifications); err != nil {
				return err
			}
			for _, n := range notifications {
				if n.Message == remedy {
					return nil
				}
			}
			return fmt.Errorf("there are %+v, want %q", notifications, remedy)
		})
		within(t, harness.Patience, "the automation in the logbook", func() error {
			var entries []struct{ Name, Message string }
			if err := ha.get("/api/logbook/"+began.UTC().Format(time.RFC3339)+"?entity=automation."+slug(automationAlias), &entries); err != nil {
				return err
			}
			for _, e := range entries {
				if e.Name == automationAlias && strings.Contains(e.Message, "triggered by state of "+problem.EntityID) {
					return nil
				}
			}
			return fmt.Errorf("it is not in %+v", entries)
		})
	})

	t.Run("Acknowledge", func(t *testing.T) {
		ha := ha.in(t)
		ha.press(r.entities[uniqueID(amazonSource, "acknowledge")].EntityID)
		within(t, harness.Patience, "the problem is acknowledged", func() error {
			r, err := ha.registry()
			if err != nil {
				return err
			}
			s := r.entities[problem.UniqueID].state
			if s.State != "on" || s.Attributes["acknowledged"] != true {
				return fmt.Errorf("it is %+v", s)
			}
			return nil
		})
	})

	t.Run("signing in again", func(t *testing.T) {
		ha := ha.in(t)
		h.signIn()
		ha.isComplete(h, harness.Patience)
		s := ha.mustRegistry().entities[problem.UniqueID].state
		for _, name := range []string{"reason", "remedy", "since"} {
			if s.Attributes[name] != nil {
				t.Errorf("%s is still %v", name, s.Attributes[name])
			}
		}
	})
	ha.checkLog()
}

// TestHueKeyDeleted is TestSignInEnds for Hue.
func TestHueKeyDeleted(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, harness.Patience)

	h.Hue.DeleteKey()
	ha.shows(harness.Patience, hueSource, "problem", "on")
	ha.shows(harness.Patience, hallSensor, "temperature", "unavailable")
	ha.shows(harness.Patience, livingRoomAir, "connectivity", "on")
	s := ha.mustRegistry().entities[uniqueID(hueSource, "problem")].state
	if remedy, _ := s.Attributes["remedy"].(string); !strings.Contains(remedy, "hueair2mqtt hue pair") {
		t.Errorf("the problem's attributes are %v", s.Attributes)
	}
	h.Hue.RestoreKey()
	ha.isComplete(h, harness.Patience)
	ha.checkLog()
}
