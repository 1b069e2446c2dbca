package hue

// resourceKind is a type of CLIP v2 resource.
type resourceKind struct {
	role role
	new  func() any // returns a pointer to decode a resource of the kind into
}

// kinds are the types that are read. Each has a file. What new returns implements those of
// owner, measurer, reporter, emitter and radio that apply.
var kinds = map[string]resourceKind{
	"device":                    {owning, func() any { return new(device) }},
	"room":                      {owning, func() any { return new(room) }},
	"motion_area_configuration": {owning, func() any { return new(motionArea) }},

	"bell_button":             {sensing, func() any { return new(bellButton) }},
	"button":                  {sensing, func() any { return new(button) }},
	"camera_motion":           {sensing, func() any { return new(motion) }},
	"contact":                 {sensing, func() any { return new(contact) }},
	"convenience_area_motion": {sensing, func() any { return new(sharedMotion) }},
	"grouped_light_level":     {sensing, func() any { return new(groupedLightLevel) }},
	"grouped_motion":          {sensing, func() any { return new(sharedMotion) }},
	"light_level":             {sensing, func() any { return new(lightLevel) }},
	"motion":                  {sensing, func() any { return new(motion) }},
	"relative_rotary":         {sensing, func() any { return new(relativeRotary) }},
	"security_area_motion":    {sensing, func() any { return new(sharedMotion) }},
	"tamper":                  {sensing, func() any { return new(tamper) }},
	"temperature":             {sensing, func() any { return new(temperature) }},

	"light": {lighting, func() any { return new(light) }},

	"device_power":           {describing, func() any { return new(devicePower) }},
	"device_software_update": {describing, func() any { return new(softwareUpdate) }},
	"zgp_connectivity":       {describing, func() any { return new(zgpConnectivity) }},
	"zigbee_connectivity":    {describing, func() any { return new(zigbeeConnectivity) }},
}

// newValue returns what a resource of this type is decoded into, or nil for a type that is
// not read.
func newValue(kind string) any {
	if k, ok := kinds[kind]; ok {
		return k.new()
	}
	return nil
}

// merge applies a partial update to a resource. With onlyNewer, a report older than the
// known one changes nothing. After an error the resource may be half changed: read it
// again.
func merge(value any, kind string, part []byte, onlyNewer bool) error {
	if onlyNewer {
		update := newValue(kind)
		if err := decode(part, update); err != nil {
			return err
		}
		if at := reportTime(update); !at.IsZero() && at.Before(reportTime(value)) {
			return nil
		}
	}
	return decode(part, value)
}
