package collectors_test

import (
	"slices"
	"testing"

	"hueair2mqtt/collectors"
)

func TestMeasurementRowsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range collectors.Measurements {
		key := string(row.Measurement)
		if seen[key] || seen[row.Name] || row.Name == "" {
			t.Errorf("%s: a second row, or no name of its own", key)
		}
		seen[key], seen[row.Name] = true, true
		if (row.True == "") != (row.False == "") || row.True != "" && row.Options != nil {
			t.Errorf("%s: both a bool and something else", key)
		}
		if got := row.Measurement.Describe().Name; got != row.Name {
			t.Errorf("%s is described as %q", key, got)
		}
	}
	if d := collectors.Measurement("wind_speed").Describe(); d.Name != "Wind speed" || d.Unit != "" {
		t.Errorf("one without a row is %+v", d)
	}
}

func TestMeasurementOrder(t *testing.T) {
	got := []collectors.Measurement{"wind", collectors.Battery, "rain", collectors.Temperature}
	slices.SortFunc(got, collectors.Measurement.Compare)
	if want := []collectors.Measurement{collectors.Temperature, collectors.Battery, "rain", "wind"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDescriptionShow(t *testing.T) {
	for _, test := range []struct {
		measurement collectors.Measurement
		value       collectors.Value
		want        string
	}{
		{collectors.Temperature, collectors.Number(21.34), "21.3"},
		{collectors.Humidity, collectors.Number(48.6), "49"},
		{collectors.Motion, collectors.Bool(false), "no motion"},
		{collectors.Contact, collectors.Bool(true), "open"},
		{"raining", collectors.Bool(true), "yes"},
		{"raining", collectors.Bool(false), "no"},
		{collectors.SoftwareUpdate, collectors.Text("ready_to_install"), "ready to install"},
		{collectors.Battery, collectors.Unknown, "unknown"},
	} {
		if got := test.measurement.Describe().Show(test.value); got != test.want {
			t.Errorf("%s %s is shown as %q, want %q", test.measurement, test.value, got, test.want)
		}
	}
}
