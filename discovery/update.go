package discovery

import (
	"cmp"

	"hueair2mqtt/collectors"
)

// Keys of the state of a device whose software its source updates.
const (
	versionKey   = "software_version"
	availableKey = "software_available"
)

// compareVersions makes an update entity, which is on while two versions differ.
func (t Topics) compareVersions(c *component, deviceID string) {
	c.ValueTemplate = valueTemplate(c.Platform, "value_json."+versionKey)
	c.LatestVersionTopic = t.State(deviceID)
	c.LatestVersionTemplate = valueTemplate(c.Platform, "value_json."+availableKey)
}

func installedVersion(d collectors.Device) string { return cmp.Or(d.SoftwareVersion, "unknown") }

// availableVersion is the installed one, or says that there is a newer one, whose
// number no source reports. It is never empty: Home Assistant would take the word
// for "unknown" for a version.
func availableVersion(d collectors.Device) string {
	installed := installedVersion(d)
	state, known := d.Readings[collectors.SoftwareUpdate].Text()
	if !known || state == "no_update" {
		return installed
	}
	return "newer than " + installed
}
