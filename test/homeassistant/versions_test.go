//go:build homeassistant

package homeassistant_test

// version is what is special about a version of Home Assistant. In all else they
// are alike: the tests are the same, and there is one table of entities.
type version struct {
	suite string // the Debian that has its Python; install.sh says the same

	// micro is the sign in "µg/m³": U+00B5 before 2025.9, U+03BC since. What is
	// announced is U+00B5, which all accept.
	micro string

	// areaInEntityID: the entity id of a device that is in an area begins with the
	// area, sensor.hall_hall_sensor_temperature for example.
	areaInEntityID bool
}

var versions = map[string]version{
	"2025.4.4":  {suite: "trixie", micro: "\u00b5"},
	"2026.2.3":  {suite: "trixie", micro: "\u03bc"},
	"2026.11.0": {suite: "forky", micro: "\u03bc", areaInEntityID: true},
}

// thisVersion is the one under test.
func thisVersion() version { return versions[*versionFlag] }
