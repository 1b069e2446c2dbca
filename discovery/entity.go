package discovery

import "hueair2mqtt/collectors"

// entity says how one key of a device's state appears in Home Assistant.
type entity struct {
	key         string // in the state, and of the component
	name        string // empty where the device class names it in the user's language
	label       string // for people who read it elsewhere; empty where name or key will do
	platform    string
	deviceClass string
	unit        string
	precision   int // decimals shown; the state holds what was measured
	diagnostic  bool
	disabled    bool // until the user enables it

	// evenOffline entities tell something about a device that can't be reached.
	// Whether the bridge itself runs is all that their availability depends on.
	evenOffline bool
}

// entities is the one table from measurements to Home Assistant; a new
// measurement is a new row. Device classes and units are those of Home
// Assistant's sensor and binary_sensor platforms; µ is U+00B5, which all its
// versions accept.
//
// The VOC index and the air quality score carry no device class: "aqi" means an
// index where higher is worse, and Amazon's score is the other way round.
var entities = []entity{
	{key: string(collectors.Temperature), platform: "sensor", deviceClass: "temperature", unit: "°C", precision: 1},
	{key: string(collectors.Humidity), platform: "sensor", deviceClass: "humidity", unit: "%"},
	{key: string(collectors.PM25), label: "PM2.5", platform: "sensor", deviceClass: "pm25", unit: "µg/m³"},
	{key: string(collectors.PM10), label: "PM10", platform: "sensor", deviceClass: "pm10", unit: "µg/m³"},
	{key: string(collectors.CarbonMonoxide), platform: "sensor", deviceClass: "carbon_monoxide", unit: "ppm"},
	{key: string(collectors.VOCIndex), platform: "sensor", name: "VOC index"},
	{key: string(collectors.IndoorAirQuality), platform: "sensor", name: "Indoor air quality"},
	{key: string(collectors.Illuminance), platform: "sensor", deviceClass: "illuminance", unit: "lx", precision: 1},
	{key: string(collectors.Motion), platform: "binary_sensor", deviceClass: "motion"},
	{key: string(collectors.Contact), platform: "binary_sensor", deviceClass: "opening"},
	{key: string(collectors.Tamper), platform: "binary_sensor", deviceClass: "tamper"},
	{key: string(collectors.Battery), platform: "sensor", deviceClass: "battery", unit: "%", diagnostic: true},
	{key: string(collectors.BatteryState), platform: "sensor", name: "Battery state", deviceClass: "enum", diagnostic: true},
	{key: string(collectors.SoftwareUpdate), label: "Software", platform: "update", deviceClass: "firmware", diagnostic: true},
	{key: string(collectors.Enabled), platform: "binary_sensor", name: "Enabled", diagnostic: true},
	{key: string(collectors.On), platform: "binary_sensor", deviceClass: "power"},
	{key: string(collectors.Brightness), platform: "sensor", name: "Brightness", unit: "%"},
	{key: string(collectors.ColorTemperature), platform: "sensor", name: "Color temperature", unit: "K"},
	{key: string(collectors.Connectivity), platform: "binary_sensor", deviceClass: "connectivity", diagnostic: true, evenOffline: true},
	{key: lastSeenKey, platform: "sensor", name: "Last seen", deviceClass: "timestamp", diagnostic: true, disabled: true, evenOffline: true},
}

// lastSeenKey is the state's key for the time of a device's last report.
const lastSeenKey = "last_seen"

// valueTemplate takes one value out of a JSON state. What is null, or is not there
// because an older state is still retained, becomes the text None, by which Home
// Assistant's sensors and binary sensors mean "unknown"; without the default, a
// missing key would be a warning in Home Assistant's log with every message.
func valueTemplate(platform, value string) string {
	value += " | default(None)"
	if platform == "binary_sensor" {
		return "{{ {True: 'ON', False: 'OFF'}.get(" + value + ") }}"
	}
	return "{{ " + value + " }}"
}

// component makes an entity's part of the announcement. value is where its value
// stands, as a template has it: "value_json.temperature".
func (e entity) component(uniqueID, value string) component {
	c := component{
		Platform:          e.platform,
		UniqueID:          uniqueID,
		Name:              e.name,
		DeviceClass:       e.deviceClass,
		UnitOfMeasurement: e.unit,
		ValueTemplate:     valueTemplate(e.platform, value),
	}
	switch {
	case e.deviceClass == "enum":
		c.Options = collectors.Measurement(e.key).Options()
	case e.platform == "sensor" && e.deviceClass != "timestamp":
		c.StateClass = "measurement"
		c.SuggestedDisplayPrecision = &e.precision
	}
	if e.diagnostic {
		c.EntityCategory = "diagnostic"
	}
	if e.disabled {
		enabled := false
		c.EnabledByDefault = &enabled
	}
	return c
}
