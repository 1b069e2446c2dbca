package amazon

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// feature is one of a monitor's features, and property one of a feature's properties,
// with the fields that this program reads.
type (
	feature  struct{ Name, Instance, Operations, Configuration, Properties json.RawMessage }
	property struct {
		Name, Error, Value, RangeValue, ReachabilityStatusValue, TimeOfSample json.RawMessage
	}
)

// byInstance is the meaning of the ranges of Amazon's own monitor.
var byInstance = map[string]meaning{
	"4": {collectors.Humidity, ""},
	"5": {collectors.VOCIndex, ""},
	"6": {collectors.PM25, ""},
	"7": {collectors.PM10, ""}, // equal to PM2.5 in every known response
	"8": {collectors.CarbonMonoxide, ""},
	"9": {collectors.IndoorAirQuality, ""},
}

// meaning returns what a range measures, and whether that is known.
func (m *monitor) meaning(instance string) (of meaning, ok bool) {
	if m.isAmazons() {
		of, ok = byInstance[instance]
		return of, ok
	}
	of, ok = m.instances[instance]
	return of, ok
}

// learn takes the meaning of the ranges of another maker's monitor from their
// configuration. Features without any configuration leave the known meanings.
func (m *monitor) learn(features []*feature, found *wire.Faults) {
	if m.isAmazons() {
		return
	}
	var (
		r          = fieldReader{found: found, of: "monitor " + m.label()}
		configured bool
		instances  = map[string]meaning{}
		leftOut    = map[string]string{}
		claims     = map[collectors.Measurement][]string{}
	)
	for _, f := range features {
		if name, err := wire.Text(f.Name); err != nil || name != "range" || f.settable() {
			continue
		}
		configured = configured || !wire.IsNull(f.Configuration)
		instance := r.raw("instance of a range", f.Instance)
		if _, twice := leftOut[instance]; twice {
			continue
		}
		name := r.text("configuration", f.Configuration, "friendlyName", "value", "text")
		unit := r.text("configuration", f.Configuration, "unitOfMeasure", "value", "text")
		leftOut[instance] = fmt.Sprintf("%q (unit %q, instance %q)", name, unit, collectors.CleanText(instance))
		if of, ok := understand(name, unit); ok && instance != "" {
			instances[instance] = of
			claims[of.measurement] = append(claims[of.measurement], instance)
		}
	}
	if !configured && len(m.instances) > 0 {
		return
	}
	for _, claimants := range claims {
		if len(claimants) > 1 { // do not guess which one is right
			for _, instance := range claimants {
				delete(instances, instance)
			}
		}
	}
	for instance := range instances {
		delete(leftOut, instance)
	}
	m.instances, m.leftOut = instances, slices.Sorted(maps.Values(leftOut))
}

// reportLeftOut lists the ranges that were not understood.
func (m *monitor) reportLeftOut(found *wire.Faults) {
	if len(m.leftOut) == 0 {
		return
	}
	const limit = 1000 // bytes: about ten ranges
	maker := m.manufacturer
	if maker == "" {
		maker = "an unknown maker"
	}
	found.Add("monitor %s of %s: not understood and left out: %s", m.label(), maker, collectors.CleanLine(strings.Join(m.leftOut, ", "), limit))
}

// settable reports whether a range is a setting, such as the target humidity, and no
// measurement.
func (f *feature) settable() bool {
	operations, err := wire.List(f.Operations)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(operations, func(raw json.RawMessage) bool {
		name, err := wire.TextAt(raw, "name")
		return err == nil && (name == "setRangeValue" || name == "adjustRangeValue")
	})
}
