package discovery

import (
	"slices"

	"hueair2mqtt/collectors"
)

// Label describes a key of a device's state to people.
type Label struct {
	Name      string // "Temperature"
	Unit      string // "°C"; empty if there is none
	Precision int    // decimals
}

// LabelOf returns the label of a key, and its place in collectors.Measurements.
func LabelOf(key string) (l Label, order int) {
	m := collectors.Measurement(key)
	d := m.Describe()
	order = slices.IndexFunc(collectors.Measurements, func(other collectors.Description) bool { return other.Measurement == m })
	if order < 0 {
		order = len(collectors.Measurements)
	}
	return Label{d.Name, d.Unit, d.Decimals}, order
}
