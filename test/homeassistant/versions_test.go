//go:build homeassistant

package homeassistant_test

// version is what differs between versions of Home Assistant. The tests and the table of entities
// are the same for all.
type version struct {
	suite string // the Debian that has its Python; install.sh says the same

	// micro is the character in "µg/m³": U+00B5 before 2025.9, U+03BC since. The bridge announces
	// U+00B5, which all accept.
	micro string

	// areaInEntityID: the entity id of a device in an area begins with the area, as in
	// sensor.hall_hall_sensor_temperature.
	areaInEntityID bool
}

var versions = map[string]version{
	"2025.4.4":  {suite: "trixie", micro: "\u00b5"},
	"2026.2.3":  {suite: "trixie", micro: "\u03bc"},
	"2026.11.0": {suite: "forky", micro: "\u03bc", areaInEntityID: true},
}

// thisVersion returns the version under test.
func thisVersion() version { return versions[*versionFlag] }
