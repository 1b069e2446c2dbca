package amazon

import (
	"fmt"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// parseFeature adds one feature of a monitor to its sample.
func parseFeature(f *feature, m *monitor, s *sample, now time.Time, found *wire.Faults) {
	name, err := wire.Text(f.Name)
	if err != nil {
		found.Add("monitor %s: name of a feature: %v", m.label(), err)
		return
	}
	var (
		of     meaning
		wanted string // the name of the property that holds the value
	)
	switch name {
	case "temperatureSensor":
		of.measurement, wanted = collectors.Temperature, "temperature"
	case "range":
		instance, err := wire.Text(f.Instance)
		if err != nil {
			found.Add("monitor %s: instance of a range: %v", m.label(), err)
			return
		}
		var ok bool
		if of, ok = m.meaning(instance); !ok {
			return
		}
		wanted = "rangeValue"
	case "connectivity":
		wanted = "reachability"
	default:
		return
	}
	broken := func(err error) {
		what := string(of.measurement)
		if what == "" {
			what = "connectivity"
		}
		found.Add("monitor %s: %s: %v", m.label(), what, err)
	}
	properties, err := wire.Objects[property](f.Properties, broken)
	if err != nil {
		found.Add("monitor %s: properties of %s: %v", m.label(), name, err)
		return
	}
	for _, p := range properties {
		if err := parseProperty(p, wanted, of, s, now, found); err != nil {
			broken(err)
		}
	}
}

// parseProperty adds one property to a sample, if it is the wanted one. An empty
// measurement is the connectivity.
func parseProperty(p *property, wanted string, of meaning, s *sample, now time.Time, found *wire.Faults) error {
	measurement := of.measurement
	if name, err := wire.Text(p.Name); err != nil || (name != "" && name != wanted) {
		return err
	}
	if !wire.IsNull(p.Error) {
		code, err := failureCode(p.Error)
		if err != nil {
			return err
		}
		failure := failureOf(code)
		if measurement != "" && failure != failureNotFound {
			s.see(measurement)
		}
		if !s.fail(failure) {
			return fmt.Errorf("error %s", found.Text(code))
		}
		return nil
	}
	var (
		value float64
		err   error
	)
	switch wanted {
	case "reachability":
		return s.setConnectivity(p.ReachabilityStatusValue)
	case "temperature":
		value, err = celsius(p.Value)
	default:
		value, err = of.value(p.RangeValue)
	}
	return s.take(measurement, value, err, p.TimeOfSample, now)
}
