package hue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tdrn-org/go-hue/api"

	"hueair2mqtt/collectors"
)

// resource is one thing of CLIP v2 that belongs to a device: a sensor, a button,
// its battery, its radio. Of value's fields any pointer may be nil.
type resource struct {
	id    string
	owner string // the resource id of the device
	value any    // a pointer to one of the types of newValue
}

// header is what every resource begins with.
type header struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Owner struct {
		RID string `json:"rid"`
	} `json:"owner"`
}

// newValue returns what a resource of this type is read into, or nil for a type
// that says nothing of a sensor. Fields that are no pointers begin as what their
// absence means.
func newValue(kind string) any {
	switch kind {
	case "temperature":
		v := &api.TemperatureGet{Enabled: true}
		v.Temperature.TemperatureValid = true
		return v
	case "motion":
		v := &api.MotionGet{Enabled: true}
		v.Motion.MotionValid = true
		return v
	case "light_level":
		v := &api.LightLevelGet{Enabled: true}
		v.Light.LightLevelValid = true
		return v
	case "contact":
		return new(api.ContactGet)
	case "tamper":
		return new(api.TamperGet)
	case "button":
		return new(api.ButtonGet)
	case "relative_rotary":
		return new(api.RelativeRotaryGet)
	case "device_power":
		return new(api.DevicePowerGet)
	case "zigbee_connectivity":
		return new(api.ZigbeeConnectivityGet)
	case "zgp_connectivity":
		return new(api.ZgpConnectivityGet)
	case "device":
		return new(api.DeviceGet)
	case "room":
		return new(api.RoomGet)
	}
	return nil
}

// decode reads a resource whole; the error tells in plain words what is wrong.
func decode(raw []byte, into any) error {
	if err := unmarshal(raw, into); err != nil {
		return wrongType(err)
	}
	return nil
}

// merge lays a part of a resource over what is known of it. An error asks for a
// full read. With onlyNewer a report that is older than the known one changes
// nothing.
func merge(value any, kind string, part []byte, onlyNewer bool) error {
	if !onlyNewer && !hasList(value) {
		// What a part that makes no sense leaves half changed, the full read mends
		// that follows.
		return decode(part, value)
	}
	fresh := newValue(kind)
	if err := decode(part, fresh); err != nil {
		return err
	}
	if at := stamp(fresh); onlyNewer && !at.IsZero() && at.Before(stamp(value)) {
		return nil
	}
	// A list is the new one whole, but decoding would mix its items with the
	// old ones.
	switch old := value.(type) {
	case *api.TamperGet:
		if fresh.(*api.TamperGet).TamperReports != nil {
			old.TamperReports = nil
		}
	case *api.ButtonGet:
		if b := fresh.(*api.ButtonGet).Button; b != nil && b.EventValues != nil && old.Button != nil {
			old.Button.EventValues = nil
		}
	case *api.RoomGet:
		if fresh.(*api.RoomGet).Children != nil {
			old.Children = nil
		}
	case *api.DeviceGet:
		if fresh.(*api.DeviceGet).Services != nil {
			old.Services = nil
		}
	}
	return decode(part, value)
}

// hasList says whether a part may bring a list.
func hasList(value any) bool {
	switch value.(type) {
	case *api.TamperGet, *api.ButtonGet, *api.RoomGet, *api.DeviceGet:
		return true
	}
	return false
}

// stamp is when a sensor reported what is known of it, in UTC; zero where it has
// not, or has no reports.
func stamp(value any) time.Time {
	var at *time.Time
	switch v := value.(type) {
	case *api.TemperatureGet:
		if r := v.Temperature.TemperatureReport; r != nil {
			at = r.Changed
		}
	case *api.MotionGet:
		if r := v.Motion.MotionReport; r != nil && r.Changed != nil {
			if t, err := time.Parse(time.RFC3339, *r.Changed); err == nil {
				at = &t
			}
		}
	case *api.LightLevelGet:
		if r := v.Light.LightLevelReport; r != nil {
			at = r.Changed
		}
	case *api.ContactGet:
		if r := v.ContactReport; r != nil {
			at = r.Changed
		}
	case *api.TamperGet:
		if v.TamperReports != nil {
			for _, r := range *v.TamperReports {
				if r.Changed != nil && (at == nil || r.Changed.After(*at)) {
					at = r.Changed
				}
			}
		}
	case *api.ButtonGet:
		if v.Button != nil && v.Button.ButtonReport != nil {
			at = v.Button.ButtonReport.Updated
		}
	case *api.RelativeRotaryGet:
		if v.RelativeRotary != nil && v.RelativeRotary.RotaryReport != nil {
			at = v.RelativeRotary.RotaryReport.Updated
		}
	}
	if at == nil {
		return time.Time{}
	}
	if year := at.UTC().Year(); year < 1 || year > 9999 {
		return time.Time{}
	}
	return at.UTC()
}

// measured returns what a resource measures and its value. ok is false if it
// measures nothing; the error says which value is impossible.
func measured(value any) (m collectors.Measurement, v collectors.Value, ok bool, err error) {
	number := func(n, least, most float64, what string) (collectors.Value, error) {
		if !(n >= least && n <= most) {
			return collectors.Unknown, fmt.Errorf("%s is %g, which is not between %g and %g", what, n, least, most)
		}
		return collectors.Number(n), nil
	}
	switch r := value.(type) {
	case *api.TemperatureGet:
		m, ok = collectors.Temperature, true
		if t := r.Temperature.TemperatureReport; r.Enabled && r.Temperature.TemperatureValid && t != nil && t.Temperature != nil {
			v, err = number(float64(*t.Temperature), minTemperature, maxTemperature, "temperature")
		}
	case *api.MotionGet:
		m, ok = collectors.Motion, true
		if t := r.Motion.MotionReport; r.Enabled && r.Motion.MotionValid && t != nil && t.Motion != nil {
			v = collectors.Truth(*t.Motion)
		}
	case *api.LightLevelGet:
		m, ok = collectors.Illuminance, true
		if t := r.Light.LightLevelReport; r.Enabled && r.Light.LightLevelValid && t != nil && t.LightLevel != nil {
			if v, err = number(float64(*t.LightLevel), minLightLevel, maxLightLevel, "light_level"); err == nil {
				v = collectors.Number(lux(float64(*t.LightLevel)))
			}
		}
	case *api.ContactGet:
		m, ok = collectors.Contact, true
		if t := r.ContactReport; (r.Enabled == nil || *r.Enabled) && t != nil && t.State != nil {
			switch *t.State {
			case api.ContactGetContactReportStateContact:
				v = collectors.Truth(false)
			case api.ContactGetContactReportStateNoContact:
				v = collectors.Truth(true)
			default:
				err = fmt.Errorf("contact_report.state is %.40q, not contact or no_contact", *t.State)
			}
		}
	case *api.TamperGet:
		m, ok = collectors.Tamper, true
		if r.TamperReports == nil {
			break
		}
		v = collectors.Truth(false) // nothing to report is in good order
		for _, t := range *r.TamperReports {
			switch {
			case t.State == nil:
			case *t.State == api.Tampered:
				v = collectors.Truth(true)
			case *t.State == api.NotTampered:
			default:
				err = fmt.Errorf("tamper_reports has the state %.40q, not tampered or not_tampered", *t.State)
			}
		}
	case *api.DevicePowerGet:
		m, ok = collectors.Battery, true
		if level := r.PowerState.BatteryLevel; level != nil {
			v, err = number(float64(*level), minBattery, maxBattery, "battery_level")
		}
	}
	return m, v, ok, err
}

// eventName is what the type of an event may look like, known or new.
var eventName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// buttonEvents are those that a button can make whose event_values are missing:
// all that the CLIP documentation knows.
var buttonEvents = []string{
	string(api.ButtonGetButtonButtonReportEventDoubleShortRelease),
	string(api.ButtonGetButtonButtonReportEventInitialPress),
	string(api.ButtonGetButtonButtonReportEventLongPress),
	string(api.ButtonGetButtonButtonReportEventLongRelease),
	string(api.ButtonGetButtonButtonReportEventRepeat),
	string(api.ButtonGetButtonButtonReportEventShortRelease),
}

// dialEvents are those that a dial can make.
var dialEvents = []string{
	string(api.RelativeRotaryGetRelativeRotaryRotaryReportActionRepeat),
	string(api.RelativeRotaryGetRelativeRotaryRotaryReportActionStart),
}

// eventTypes returns the key of what makes events ("button_1", "dial") and the
// types that it can make, or "".
func eventTypes(value any) (key string, types []string) {
	switch r := value.(type) {
	case *api.ButtonGet:
		number := 1
		if r.Metadata != nil && r.Metadata.ControlId != nil {
			number = *r.Metadata.ControlId
		}
		key = fmt.Sprintf("button_%d", max(number, 0))
		if r.Button != nil && r.Button.EventValues != nil {
			for _, v := range *r.Button.EventValues {
				if eventName.MatchString(string(v)) && !slices.Contains(types, string(v)) {
					types = append(types, string(v))
				}
			}
		}
		if len(types) == 0 {
			types = slices.Clone(buttonEvents)
		}
		slices.Sort(types)
	case *api.RelativeRotaryGet:
		key, types = "dial", slices.Clone(dialEvents)
		if r.Metadata != nil && r.Metadata.ControlId != nil && *r.Metadata.ControlId > 1 {
			key = fmt.Sprintf("dial_%d", *r.Metadata.ControlId)
		}
	}
	return key, types
}

// occurrence is one event of a button or dial, with which a repeated or belated
// one is recognised.
type occurrence struct {
	at   time.Time // zero where the bridge gives none
	kind string
}

// event returns what a part of a button or dial says has happened, or ok false.
// Its attributes are nil for a button.
func event(part any) (what occurrence, attributes map[string]any, ok bool) {
	what.at = stamp(part)
	switch r := part.(type) {
	case *api.ButtonGet:
		switch b := r.Button; {
		case b == nil:
		case b.ButtonReport != nil && b.ButtonReport.Event != nil:
			what.kind = string(*b.ButtonReport.Event)
		case b.LastEvent != nil:
			what.kind = string(*b.LastEvent)
		}
	case *api.RelativeRotaryGet:
		attributes = map[string]any{}
		rotate := func(direction string, steps, duration *int) {
			if direction != "" {
				attributes["direction"] = collectors.CleanText(direction)
			}
			if steps != nil {
				attributes["steps"] = *steps
			}
			if duration != nil {
				attributes["duration"] = *duration
			}
		}
		switch d := r.RelativeRotary; {
		case d == nil:
		case d.RotaryReport != nil && d.RotaryReport.Action != nil:
			what.kind = string(*d.RotaryReport.Action)
			if t := d.RotaryReport.Rotation; t != nil {
				rotate(text(t.Direction), t.Steps, t.Duration)
			}
		case d.LastEvent != nil && d.LastEvent.Action != nil:
			what.kind = string(*d.LastEvent.Action)
			if t := d.LastEvent.Rotation; t != nil {
				rotate(text(t.Direction), t.Steps, t.Duration)
			}
		}
	}
	return what, attributes, eventName.MatchString(what.kind)
}

// text is what a pointer to a text points to, or "".
func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// address returns the hardware address that a radio tells, in the form that v1
// heads a uniqueid with, and whether the bridge reaches it. ok is false for what
// is no radio.
func address(value any) (mac string, connected, ok bool) {
	switch r := value.(type) {
	case *api.ZigbeeConnectivityGet:
		return text(r.MacAddress), r.Status == nil || *r.Status == api.Connected, true
	case *api.ZgpConnectivityGet:
		return greenPower(text(r.SourceId)), r.Status == nil || *r.Status == api.ZgpConnectivityGetStatusConnected, true
	}
	return "", false, false
}

// sourceID is the address of a device without a battery (Zigbee Green Power),
// four octets.
var sourceID = regexp.MustCompile(`^(?:0x)?([0-9a-f]{1,8})$`)

// greenPower makes of a source id the eight octets that v1 shows:
// "00:00:00:00:00:44:03:d1".
func greenPower(id string) string {
	found := sourceID.FindStringSubmatch(strings.ToLower(id))
	if found == nil {
		return id
	}
	digits := strings.Repeat("0", 2*macOctets-len(found[1])) + found[1]
	var octets []string
	for i := 0; i < len(digits); i += 2 {
		octets = append(octets, digits[i:i+2])
	}
	return strings.Join(octets, ":")
}
