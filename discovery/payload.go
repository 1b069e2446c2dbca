package discovery

import (
	"encoding/json"
	"fmt"
	"slices"

	"hueair2mqtt/collectors"
)

// originName marks an announcement as this program's.
const originName = "hueair2mqtt"

// Message is one retained message.
type Message struct {
	Topic   string
	Payload []byte
}

type payload struct {
	Device           device               `json:"device"`
	Origin           origin               `json:"origin"`
	Availability     []availability       `json:"availability,omitempty"`
	AvailabilityMode string               `json:"availability_mode,omitempty"`
	StateTopic       string               `json:"state_topic,omitempty"`
	Components       map[string]component `json:"components"`
}

type device struct {
	Identifiers   []string `json:"identifiers"`
	Name          string   `json:"name"`
	Manufacturer  string   `json:"manufacturer,omitempty"`
	Model         string   `json:"model,omitempty"`
	SWVersion     string   `json:"sw_version,omitempty"`
	SerialNumber  string   `json:"serial_number,omitempty"`
	ViaDevice     string   `json:"via_device,omitempty"`
	SuggestedArea string   `json:"suggested_area,omitempty"`
}

type origin struct {
	Name      string `json:"name"`
	SWVersion string `json:"sw_version"`
}

type availability struct {
	Topic string `json:"topic"`
}

type component struct {
	Platform                  string         `json:"platform"`
	UniqueID                  string         `json:"unique_id"`
	Name                      string         `json:"name,omitempty"`
	DeviceClass               string         `json:"device_class,omitempty"`
	UnitOfMeasurement         string         `json:"unit_of_measurement,omitempty"`
	StateClass                string         `json:"state_class,omitempty"`
	Options                   []string       `json:"options,omitempty"`
	SuggestedDisplayPrecision *int           `json:"suggested_display_precision,omitempty"`
	EntityCategory            string         `json:"entity_category,omitempty"`
	EnabledByDefault          *bool          `json:"enabled_by_default,omitempty"`
	Icon                      string         `json:"icon,omitempty"`
	StateTopic                string         `json:"state_topic,omitempty"`
	ValueTemplate             string         `json:"value_template,omitempty"`
	LatestVersionTopic        string         `json:"latest_version_topic,omitempty"`
	LatestVersionTemplate     string         `json:"latest_version_template,omitempty"`
	PayloadOn                 string         `json:"payload_on,omitempty"`
	PayloadOff                string         `json:"payload_off,omitempty"`
	JSONAttributesTopic       string         `json:"json_attributes_topic,omitempty"`
	CommandTopic              string         `json:"command_topic,omitempty"`
	PayloadPress              string         `json:"payload_press,omitempty"`
	EventTypes                []string       `json:"event_types,omitempty"`
	Availability              []availability `json:"availability,omitempty"`
}

const (
	sensor       = "sensor"
	binarySensor = "binary_sensor"
	diagnostic   = "diagnostic"
)

// valueTemplate returns a template for a value in a JSON state. null, and a key
// that is missing in an older retained state, become None, which is "unknown" to
// Home Assistant's sensors. Without the default, Home Assistant would log a warning
// for each message without the key.
func valueTemplate(platform, value string) string {
	value += " | default(None)"
	if platform == binarySensor {
		return "{{ {True: 'ON', False: 'OFF'}.get(" + value + ") }}"
	}
	return "{{ " + value + " }}"
}

// entityOf returns the entity of a measurement. Only the device class firmware
// belongs to another platform than sensor and binary_sensor.
func entityOf(m collectors.Description, uniqueID string) component {
	c := component{
		Platform: sensor, UniqueID: uniqueID, DeviceClass: m.Class, UnitOfMeasurement: m.Unit,
	}
	if m.Class == "" {
		c.Name = m.Name
	}
	switch {
	case m.Class == "firmware":
		c.Platform = "update"
	case m.True != "":
		c.Platform = binarySensor
	case m.Options != nil:
		c.DeviceClass, c.Options = "enum", m.Options
	default:
		c.StateClass, c.SuggestedDisplayPrecision = "measurement", &m.Decimals
	}
	if m.Diagnostic {
		c.EntityCategory = diagnostic
	}
	c.ValueTemplate = valueTemplate(c.Platform, "value_json."+string(m.Measurement))
	return c
}

// message encodes an announcement. The payload has only text, numbers and bools,
// so encoding cannot fail.
func (t Topics) message(objectID string, p payload) Message {
	encoded, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("encoding the announcement of %s: %v", objectID, err))
	}
	return Message{Topic: t.Config(objectID), Payload: encoded}
}

// IsOurs reports whether this program made a retained announcement under this base
// topic. Every announcement names the bridge state on which its availability
// depends, so those of an instance with another base topic are not ours.
func (t Topics) IsOurs(announcement []byte) bool {
	var p payload
	if json.Unmarshal(announcement, &p) != nil || p.Origin.Name != originName {
		return false
	}
	if slices.Contains(p.Availability, availability{t.BridgeState()}) {
		return true
	}
	for _, c := range p.Components {
		if c.StateTopic == t.BridgeState() {
			return true
		}
	}
	return false
}
