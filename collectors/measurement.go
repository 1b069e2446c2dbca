package collectors

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// Measurement is what a reading is about. Its text is the reading's key in the
// device's state on MQTT; its unit is part of its meaning, and collectors
// convert to it.
type Measurement string

const (
	Temperature      Measurement = "temperature"        // °C
	Humidity         Measurement = "humidity"           // %, relative
	PM25             Measurement = "pm25"               // µg/m³, particles up to 2.5 µm
	PM10             Measurement = "pm10"               // µg/m³, particles up to 10 µm
	CarbonMonoxide   Measurement = "carbon_monoxide"    // ppm
	VOCIndex         Measurement = "voc_index"          // an index without unit, not a concentration
	IndoorAirQuality Measurement = "indoor_air_quality" // Amazon's score, 0 to 100, higher is better
	Illuminance      Measurement = "illuminance"        // lx
	Motion           Measurement = "motion"             // true while motion is seen
	Contact          Measurement = "contact"            // true while open, as Home Assistant's device class "opening" has it
	Tamper           Measurement = "tamper"             // true while tampered with
	Battery          Measurement = "battery"            // %
	BatteryState     Measurement = "battery_state"      // "normal", "low" or "critical"
	SoftwareUpdate   Measurement = "software_update"    // "no_update", "update_pending", "ready_to_install" or "installing"
	Enabled          Measurement = "enabled"            // false while the sensor is switched off in its vendor's app
	On               Measurement = "on"                 // true while a light or plug is switched on
	Brightness       Measurement = "brightness"         // % of a light's maximum; of one that is off, what it will be
	ColorTemperature Measurement = "color_temperature"  // K
	Connectivity     Measurement = "connectivity"       // true while the source reaches the device; made from Device.Online
)

// options are the values of the measurements that are texts.
var options = map[Measurement][]string{
	BatteryState:   {"normal", "low", "critical"},
	SoftwareUpdate: {"no_update", "update_pending", "ready_to_install", "installing"},
}

// Options returns all values of a measurement that is a text; nil for others.
func (m Measurement) Options() []string { return slices.Clone(options[m]) }

// Has reports whether a text is a value of a measurement.
func (m Measurement) Has(text string) bool { return slices.Contains(options[m], text) }

// Value is a reading's value: a number, a truth, a text, or unknown. The zero
// Value is unknown.
type Value struct {
	kind   valueKind
	number float64
	truth  bool
	text   string
}

type valueKind uint8

const (
	kindUnknown valueKind = iota
	kindNumber
	kindTruth
	kindText
)

// Unknown is the value of something that is measured but has no value now.
var Unknown = Value{}

// maxNumber is beyond what any sensor measures, in whatever unit.
const maxNumber = 1e12

// Number makes a numeric value, rounded to hundredths, which is finer than any
// of the sensors. What is no number (NaN), or beyond all measure, is Unknown.
func Number(f float64) Value {
	if math.IsNaN(f) || math.Abs(f) > maxNumber {
		return Unknown
	}
	rounded := math.Round(f*100) / 100
	if rounded == 0 {
		rounded = 0 // turns -0 into 0
	}
	return Value{kind: kindNumber, number: rounded}
}

// Truth makes a value of a measurement that is true or false.
func Truth(b bool) Value { return Value{kind: kindTruth, truth: b} }

// Text makes a value of a measurement that is one of a few words.
func Text(s string) Value { return Value{kind: kindText, text: s} }

// IsUnknown says whether there is no value.
func (v Value) IsUnknown() bool { return v.kind == kindUnknown }

// Number returns the number, and whether the value is one.
func (v Value) Number() (float64, bool) { return v.number, v.kind == kindNumber }

// Truth returns the truth, and whether the value is one.
func (v Value) Truth() (value, ok bool) { return v.truth, v.kind == kindTruth }

// Text returns the text, and whether the value is one.
func (v Value) Text() (text string, ok bool) { return v.text, v.kind == kindText }

// AppendJSON appends a number, true, false, a text or null.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case kindNumber:
		return strconv.AppendFloat(b, v.number, 'f', -1, 64)
	case kindTruth:
		return strconv.AppendBool(b, v.truth)
	case kindText:
		text, err := json.Marshal(v.text)
		if err != nil {
			return append(b, "null"...) // not reached: a text can be encoded
		}
		return append(b, text...)
	default:
		return append(b, "null"...)
	}
}

// MarshalJSON writes a number, true, false, a text or null.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// String shows the value as its JSON does, a text without quotes, for logs and
// test failures.
func (v Value) String() string {
	switch v.kind {
	case kindUnknown:
		return "unknown"
	case kindText:
		return v.text
	default:
		return string(v.AppendJSON(nil))
	}
}
