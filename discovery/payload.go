package discovery

import (
	"encoding/json"
	"fmt"
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

// message encodes an announcement. Encoding can't fail: the payload holds
// nothing but text, numbers and truths.
func (t Topics) message(objectID string, p payload) Message {
	encoded, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("encoding the announcement of %s: %v", objectID, err))
	}
	return Message{Topic: t.Config(objectID), Payload: encoded}
}

// IsOurs says whether a retained announcement was made by this program under
// this base topic. Another instance's, with another base topic, is not ours:
// every announcement names the bridge state that its availability hangs on.
func (t Topics) IsOurs(announcement []byte) bool {
	var p payload
	if json.Unmarshal(announcement, &p) != nil || p.Origin.Name != originName {
		return false
	}
	for _, a := range p.Availability {
		if a.Topic == t.BridgeState() {
			return true
		}
	}
	for _, c := range p.Components {
		if c.StateTopic == t.BridgeState() {
			return true
		}
	}
	return false
}
