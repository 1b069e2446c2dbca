package amazon

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// sane is the range that a sensor can measure, in the measurement's unit. A value outside
// is no reading.
var sane = map[collectors.Measurement][2]float64{
	collectors.Temperature:      {-60, 100},
	collectors.Humidity:         {0, 100},
	collectors.IndoorAirQuality: {0, 100},
	collectors.VOCIndex:         {0, 1e6},
	collectors.PM25:             {0, 1e6},
	collectors.PM10:             {0, 1e6},
	collectors.CarbonMonoxide:   {0, 1e6},
}

// sample is what one response reports of one monitor.
type sample struct {
	readings map[collectors.Measurement]collectors.Value

	connectivity connectivity
	unreachable  bool // Alexa tried and failed
	notFound     bool // Alexa has no such property, or no such device

	newest time.Time // the newest time of a reading, in UTC
}

// connectivity is what Alexa reports of its connection to the monitor.
type connectivity uint8

const (
	connectivityUnknown connectivity = iota
	connectivityOK
	connectivityLost
)

func newSample() *sample {
	return &sample{readings: map[collectors.Measurement]collectors.Value{}}
}

// online reports whether Alexa reaches the monitor. If it does not say, a monitor with a
// reading is online.
func (s *sample) online() bool {
	switch {
	case s == nil, s.unreachable, s.connectivity == connectivityLost:
		return false
	case s.connectivity == connectivityOK && !s.notFound:
		return true
	}
	for _, value := range s.readings {
		if !value.IsUnknown() {
			return true
		}
	}
	return false
}

// set adds a reading. Of several for one measurement it keeps the first that has a value.
func (s *sample) set(m collectors.Measurement, f float64) {
	if known, ok := s.readings[m]; ok && !known.IsUnknown() {
		return
	}
	s.readings[m] = collectors.Unknown
	if limits := sane[m]; f >= limits[0] && f <= limits[1] { // false for NaN
		s.readings[m] = collectors.Number(f)
	}
}

// see records that a measurement exists, whatever its value.
func (s *sample) see(m collectors.Measurement) {
	if _, ok := s.readings[m]; !ok {
		s.readings[m] = collectors.Unknown
	}
}

// take adds a reading and its time. err is why the value can't be decoded.
func (s *sample) take(m collectors.Measurement, value float64, err error, timeOfSample json.RawMessage, now time.Time) error {
	s.see(m)
	if err != nil {
		return err
	}
	s.set(m, value)
	return s.setTime(timeOfSample, now)
}

// valueOf unwraps {"value": ...}. Anything but an object is the value itself.
func valueOf(raw json.RawMessage) (json.RawMessage, error) {
	if wire.Shape(raw) != "an object" {
		return raw, nil
	}
	var wrapped struct{ Value json.RawMessage }
	err := wire.Object(raw, &wrapped)
	return wrapped.Value, err
}

// setConnectivity takes "OK" or "UNREACHABLE", bare or as {"value": ...}.
func (s *sample) setConnectivity(raw json.RawMessage) error {
	raw, err := valueOf(raw)
	if err != nil {
		return err
	}
	status, err := wire.Text(raw)
	if err != nil {
		return err
	}
	switch strings.ToUpper(status) {
	case "", "UNKNOWN":
	case "OK":
		s.connectivity = connectivityOK
	default:
		s.connectivity = connectivityLost
	}
	return nil
}

// failure is what an error code of Alexa means for a property or a device.
type failure uint8

const (
	failureOther       failure = iota // does not concern the monitor's presence
	failureUnreachable                // Alexa could not reach the device
	failureNotFound                   // there is no such property or device
)

func failureOf(code string) failure {
	code = strings.ToUpper(code)
	switch {
	case strings.Contains(code, "UNREACHABLE"), strings.Contains(code, "OFFLINE"):
		return failureUnreachable
	case strings.Contains(code, "NOT_FOUND"), strings.Contains(code, "NOTFOUND"): // TargetApplianceNotFoundException
		return failureNotFound
	}
	return failureOther
}

// failureCode returns the type of {"type": ..., "message": ...}, or else its message.
func failureCode(raw json.RawMessage) (string, error) {
	if wire.Shape(raw) != "an object" {
		code, err := wire.Text(raw)
		if err != nil {
			return "", fmt.Errorf("error: %w", err)
		}
		return code, nil
	}
	var failure struct{ Type, Code, Message json.RawMessage }
	if err := wire.Object(raw, &failure); err != nil {
		return "", err
	}
	for _, field := range []json.RawMessage{failure.Type, failure.Code, failure.Message} {
		if code, err := wire.Text(field); err == nil && code != "" {
			return code, nil
		}
	}
	return "no reason given", nil
}

// fail adds a failure, and reports whether it concerns the monitor.
func (s *sample) fail(f failure) bool {
	s.unreachable = s.unreachable || f == failureUnreachable
	s.notFound = s.notFound || f == failureNotFound
	return f != failureOther
}

// setTime takes the time of a reading. Alexa's clock may differ from this one, but a time
// more than a day ahead is ignored.
func (s *sample) setTime(raw json.RawMessage, now time.Time) error {
	stamp, err := wire.Text(raw)
	if err != nil || stamp == "" {
		return err
	}
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return fmt.Errorf("a time that is not RFC 3339")
	}
	if at = at.UTC(); at.After(s.newest) && at.Before(now.Add(24*time.Hour)) {
		s.newest = at
	}
	return nil
}

// celsius decodes {"value": 21.5, "scale": "CELSIUS"} into °C. Without a value it is NaN.
func celsius(raw json.RawMessage) (float64, error) {
	if wire.IsNull(raw) {
		return math.NaN(), nil
	}
	var temperature struct{ Value, Scale json.RawMessage }
	if err := wire.Object(raw, &temperature); err != nil {
		return 0, err
	}
	degrees, err := wire.Number(temperature.Value)
	if err != nil || math.IsNaN(degrees) {
		return degrees, err
	}
	scale, err := wire.Text(temperature.Scale)
	if err != nil {
		return 0, fmt.Errorf("scale: %w", err)
	}
	return inCelsius(degrees, scale)
}

// inCelsius converts degrees in one of Alexa's scales to °C.
func inCelsius(degrees float64, scale string) (float64, error) {
	switch strings.ToUpper(scale) {
	case "CELSIUS":
		return degrees, nil
	case "FAHRENHEIT":
		return (degrees - 32) / 1.8, nil
	case "KELVIN":
		return degrees - 273.15, nil
	default:
		// 71 degrees are a warm room or a fire: without a scale, it is no reading.
		return 0, fmt.Errorf("a temperature in an unknown scale")
	}
}

// rangeValue decodes a number, bare or as {"value": 12.0}.
func rangeValue(raw json.RawMessage) (float64, error) {
	raw, err := valueOf(raw)
	if err != nil {
		return 0, err
	}
	return wire.Number(raw)
}
