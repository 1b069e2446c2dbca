package bridge

import (
	"math"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// traceStep is how finely a trace tells a day: 144 values of 4 bytes for each
	// measurement, whatever happens.
	traceStep  = 10 * time.Minute
	traceSlots = int64(24 * time.Hour / traceStep)
)

// trace is the last day of a device's values, for people who look. It is gone with
// the process; what wants history has MQTT.
type trace map[collectors.Measurement]*course

// course is a ring of slots; a slot's number is the time since 1970 in steps.
type course struct {
	slots [traceSlots]float32
	last  int64 // number of the newest slot that was written
}

var nothing = float32(math.NaN())

// note takes down readings. Of a step the last number counts, and true wherever it
// was true at all.
func (t trace) note(now time.Time, readings map[collectors.Measurement]collectors.Value) {
	slot := now.UnixNano() / int64(traceStep)
	for measurement, value := range readings {
		number, ok := value.Number()
		truth, isTruth := value.Truth()
		switch {
		case isTruth && truth:
			number = 1
		case !ok && !isTruth, measurement == collectors.Battery:
			continue
		}
		c := t[measurement]
		if c == nil {
			c = &course{last: slot - traceSlots - 1}
			t[measurement] = c
		}
		for c.last = max(c.last, slot-traceSlots); c.last < slot; {
			c.last++
			c.slots[c.last%traceSlots] = nothing
		}
		if at := &c.slots[slot%traceSlots]; !isTruth || !(*at == 1) {
			*at = float32(number)
		}
	}
}

// days are the last 24 hours, the oldest slot first.
func (t trace) days(now time.Time) map[collectors.Measurement][]float32 {
	if len(t) == 0 {
		return nil
	}
	slot := now.UnixNano() / int64(traceStep)
	days := make(map[collectors.Measurement][]float32, len(t))
	for measurement, c := range t {
		day := make([]float32, 0, traceSlots)
		for i := slot - traceSlots + 1; i <= slot; i++ {
			value := nothing
			if i <= c.last && i > c.last-traceSlots {
				value = c.slots[i%traceSlots]
			}
			day = append(day, value)
		}
		days[measurement] = day
	}
	return days
}
