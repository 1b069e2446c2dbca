package amazontest

import (
	"slices"
	"strings"
	"time"
)

// DeviceType is the device type of Amazon's own monitor.
const DeviceType = "AEZME1X38KDRA"

// Monitor is one air quality monitor of the account: Amazon's own, unless Maker
// names another one.
type Monitor struct {
	Serial      string // null in answers if empty, as for monitors of other makers
	EntityID    string // a UUID; empty means that the account has none for it
	ApplianceID string // empty likewise
	Name        string

	Temperature float64 // in Scale
	Scale       string  // "CELSIUS" if empty, "FAHRENHEIT" or "KELVIN"
	Humidity    float64 // %
	PM25        float64 // µg/m³
	PM10        float64 // µg/m³
	CO          float64 // ppm
	VOCIndex    float64
	AirQuality  float64 // Amazon's score, 0 to 100

	NoPM10    bool // it has no PM10 sensor
	NoHealth  bool // Alexa has no EndpointHealth for it
	Reachable bool // Alexa reaches it

	Maker  string  // "Amazon" if empty
	Ranges []Range // of another maker's monitor, instead of the values above but for Temperature

	sampled time.Time
}

// key identifies a monitor of the account.
func (m Monitor) key() string {
	if m.Serial != "" {
		return m.Serial
	}
	return m.EntityID
}

func (m Monitor) maker() string {
	if m.Maker == "" {
		return "Amazon"
	}
	return m.Maker
}

// deviceType returns "" for other makers' monitors, which are no Alexa devices.
func (m Monitor) deviceType() string {
	if m.maker() != "Amazon" {
		return ""
	}
	return DeviceType
}

// EndpointID returns the monitor's id in GraphQL.
func (m Monitor) EndpointID() string {
	if m.EntityID != "" {
		return "amzn1.alexa.endpoint." + m.EntityID
	}
	return "amzn1.alexa.endpoint." + strings.ToLower(m.Serial)
}

// Range is one range of a monitor.
type Range struct {
	Instance string
	Name     string // in the language of the account
	Unit     string
	Value    float64 // NaN if there is none at the moment
	Settable bool    // it is a setting, such as the humidity that is wanted
}

// ranges returns the ranges of a monitor.
func (m Monitor) ranges() []Range {
	if m.Ranges != nil {
		return m.Ranges
	}
	all := []Range{
		{Instance: "4", Name: "Indoor humidity", Unit: "Percent", Value: m.Humidity},
		{Instance: "5", Name: "Volatile organic compounds", Value: m.VOCIndex},
		{Instance: "6", Name: "Particulate matter", Unit: "Micrograms per cubic meter", Value: m.PM25},
		{Instance: "7", Value: m.PM10},
		{Instance: "8", Name: "Carbon monoxide", Unit: "Parts per million", Value: m.CO},
		{Instance: "9", Name: "Indoor air quality", Value: m.AirQuality},
	}
	if m.NoPM10 {
		all = slices.DeleteFunc(all, func(r Range) bool { return r.Instance == "7" })
	}
	return all
}

func (m Monitor) stamp() string { return m.sampled.Format("2006-01-02T15:04:05.000Z") }
