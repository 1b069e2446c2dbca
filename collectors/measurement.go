package collectors

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Measurement names a measured quantity. It is the reading's key in the device's
// state on MQTT. The unit is part of its meaning: collectors convert to it.
type Measurement string

// All measurements. Each has a row in Measurements.
const (
	Temperature      Measurement = "temperature"
	Humidity         Measurement = "humidity"
	PM25             Measurement = "pm25" // particles up to 2.5 µm
	PM10             Measurement = "pm10" // particles up to 10 µm
	CarbonMonoxide   Measurement = "carbon_monoxide"
	VOCIndex         Measurement = "voc_index"          // an index, not a concentration
	IndoorAirQuality Measurement = "indoor_air_quality" // Amazon's score, 0 to 100, higher is better
	Illuminance      Measurement = "illuminance"
	Motion           Measurement = "motion"
	Contact          Measurement = "contact" // true while open, as Home Assistant has it
	Tamper           Measurement = "tamper"
	Battery          Measurement = "battery"
	BatteryState     Measurement = "battery_state"
	SoftwareUpdate   Measurement = "software_update"
	Enabled          Measurement = "enabled" // false while the sensor is switched off in its vendor's app
	On               Measurement = "on"
	Brightness       Measurement = "brightness" // of a light that is off: what it will be when on
	ColorTemperature Measurement = "color_temperature"
	Connectivity     Measurement = "connectivity" // made from Device.Online
)

// Description is the row of a measurement in Measurements.
type Description struct {
	Measurement Measurement
	Name        string // as people read it
	Unit        string // empty if there is none
	Decimals    int    // how many to show

	// Class is Home Assistant's device class, which is also the entity's name there
	// in the user's language. Without one the entity has Name.
	Class string

	// True and False are the words for the values of a bool, empty for others.
	True, False string

	// Options are all values of a text, empty for others.
	Options []string

	// Diagnostic marks measurements of the device itself, not of its surroundings.
	Diagnostic bool
}

// Measurements has a row for each measurement, in the order in which people see
// them. A new measurement is a constant and a row here: discovery, the page, the
// command line and the metrics read everything else from it. The table is in this
// package because it is the only one that all of them and the sources may import.
//
// Classes and units are those of Home Assistant's sensor and binary_sensor. µ is
// U+00B5, which all its versions accept. VOCIndex and IndoorAirQuality have no
// class: "aqi" is an index where higher is worse, the opposite of Amazon's score.
var Measurements = []Description{
	{Measurement: Temperature, Name: "Temperature", Unit: "°C", Decimals: 1, Class: "temperature"},
	{Measurement: Humidity, Name: "Humidity", Unit: "%", Class: "humidity"},
	{Measurement: PM25, Name: "PM2.5", Unit: "µg/m³", Class: "pm25"},
	{Measurement: PM10, Name: "PM10", Unit: "µg/m³", Class: "pm10"},
	{Measurement: CarbonMonoxide, Name: "Carbon monoxide", Unit: "ppm", Class: "carbon_monoxide"},
	{Measurement: VOCIndex, Name: "VOC index"},
	{Measurement: IndoorAirQuality, Name: "Indoor air quality"},
	{Measurement: Illuminance, Name: "Illuminance", Unit: "lx", Decimals: 1, Class: "illuminance"},
	{Measurement: Motion, Name: "Motion", Class: "motion", True: "motion", False: "no motion"},
	{Measurement: Contact, Name: "Contact", Class: "opening", True: "open", False: "closed"},
	{Measurement: Tamper, Name: "Tamper", Class: "tamper", True: "tampered with", False: "untouched"},
	{Measurement: Battery, Name: "Battery", Unit: "%", Class: "battery", Diagnostic: true},
	{Measurement: BatteryState, Name: "Battery state", Options: []string{"normal", "low", "critical"}, Diagnostic: true},
	{Measurement: SoftwareUpdate, Name: "Software", Class: "firmware", Diagnostic: true,
		Options: []string{"no_update", "update_pending", "ready_to_install", "installing"}},
	{Measurement: Enabled, Name: "Enabled", True: "switched on", False: "switched off", Diagnostic: true},
	{Measurement: On, Name: "On", Class: "power", True: "on", False: "off"},
	{Measurement: Brightness, Name: "Brightness", Unit: "%"},
	{Measurement: ColorTemperature, Name: "Color temperature", Unit: "K"},
	{Measurement: Connectivity, Name: "Connectivity", Class: "connectivity", True: "connected", False: "disconnected", Diagnostic: true},
}

func (m Measurement) row() int {
	return slices.IndexFunc(Measurements, func(d Description) bool { return d.Measurement == m })
}

// Describe returns the measurement's row. One without a row is a number with its
// key for a name.
func (m Measurement) Describe() Description {
	if i := m.row(); i >= 0 {
		return Measurements[i]
	}
	return Description{Measurement: m, Name: Title(string(m))}
}

// Compare orders measurements as Measurements does, those without a row last.
func (m Measurement) Compare(other Measurement) int {
	return cmp.Or(cmp.Compare(uint(m.row()), uint(other.row())), cmp.Compare(m, other))
}

// Has reports whether a text is one of the measurement's Options.
func (m Measurement) Has(text string) bool { return slices.Contains(m.Describe().Options, text) }

// Show returns a value as people read it, without its unit: "21.3", "no motion",
// "update pending", "unknown".
func (d Description) Show(v Value) string {
	switch v.kind {
	case kindNumber:
		return strconv.FormatFloat(v.number, 'f', d.Decimals, 64)
	case kindBool:
		if v.boolean {
			return cmp.Or(d.True, "yes")
		}
		return cmp.Or(d.False, "no")
	case kindText:
		return strings.ReplaceAll(v.text, "_", " ")
	default:
		return "unknown"
	}
}

// Title turns a key into a title: "carbon_monoxide" into "Carbon monoxide".
func Title(key string) string {
	if key == "" {
		return ""
	}
	return strings.ToUpper(key[:1]) + strings.ReplaceAll(key[1:], "_", " ")
}
