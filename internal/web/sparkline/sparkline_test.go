package sparkline

import (
	"html/template"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
)

// dayOf returns a day with the values of some slots.
func dayOf(values map[int]float64) []float64 {
	day := slices.Repeat([]float64{math.NaN()}, int(slots))
	for i, v := range values {
		day[i] = v
	}
	return day
}

func TestSparkline(t *testing.T) {
	label := collectors.Temperature.Describe()
	motion := collectors.Description{Name: "Motion"}
	for name, test := range map[string]struct {
		drawing template.HTML
		want    []string
	}{
		"nothing":      {drawLine(label, dayOf(nil)), nil},
		"none at all":  {drawLine(label, nil), nil},
		"one":          {drawLine(label, dayOf(map[int]float64{71: 20})), []string{`d="M71 20h0"`, "20.0 to 20.0 °C"}},
		"up and down":  {drawLine(label, dayOf(map[int]float64{0: 10, 1: 20, 2: 15})), []string{`d="M0 37h0l1-34l1 17"`}},
		"with a gap":   {drawLine(label, dayOf(map[int]float64{0: 10, 2: 20, 3: 20})), []string{`d="M0 37h0M2 3h0l1 0"`}},
		"no motion":    {drawBars(motion, dayOf(map[int]float64{0: 0})), []string{`d=""`, "in 0 of 72 periods of 20 minutes"}},
		"motion":       {drawBars(motion, dayOf(map[int]float64{0: 1, 1: 1, 3: 0, 71: 1})), []string{`d="M0 20h1h1M71 20h1"`, "in 3 of 72"}},
		"unknown":      {drawBars(motion, dayOf(nil)), nil},
		"dangerous":    {drawBars(collectors.Description{Name: `"><script>`}, dayOf(map[int]float64{0: 1})), []string{"&lt;script&gt;"}},
		"three digits": {drawLine(collectors.Description{Name: "x"}, dayOf(map[int]float64{0: 100, 1: 300})), []string{"100 to 300\""}},
	} {
		t.Run(name, func(t *testing.T) {
			if (test.drawing == "") != (test.want == nil) {
				t.Errorf("got %q", test.drawing)
			}
			for _, text := range test.want {
				if !strings.Contains(string(test.drawing), text) {
					t.Errorf("%q is not in %s", text, test.drawing)
				}
			}
		})
	}
}

func TestRecorderKeepsADay(t *testing.T) {
	s, now := New(), time.Unix(0, 0).Add(1e6*slotLength)
	check := func(m collectors.Measurement, want ...float64) {
		t.Helper()
		got, want := s.devices["hue_1"][m].last24Hours(now), append(slices.Repeat([]float64{math.NaN()}, int(slots)-len(want)), want...)
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
			t.Errorf("%s: %v, want %v", m, got, want)
		}
	}
	// Two polls in a slot: the last number counts, and a bool that was ever true.
	poll := func(n int) {
		s.Record(now, "hue_1", map[collectors.Measurement]collectors.Value{
			collectors.Temperature: collectors.Number(float64(n)), collectors.Motion: collectors.Bool(n%2 == 1),
			collectors.Battery: collectors.Number(90), collectors.Illuminance: collectors.Unknown,
		})
	}
	for n := range 18 {
		if n < 6 || n >= 12 {
			poll(n + 1)
		}
		if n < 17 {
			now = now.Add(slotLength / 2)
		}
	}
	if n := len(s.devices["hue_1"]); n != 2 {
		t.Errorf("%d measurements are kept, want temperature and motion", n)
	}
	nan := math.NaN()
	check(collectors.Temperature, 2, 4, 6, nan, nan, nan, 14, 16, 18)
	check(collectors.Motion, 1, 1, 1, nan, nan, nan, 1, 1, 1)
	now = now.Add(23 * time.Hour)
	check(collectors.Temperature, append([]float64{14, 16, 18}, slices.Repeat([]float64{nan}, 69)...)...)
	now = now.Add(2 * time.Hour)
	check(collectors.Temperature)
	poll(1)
	check(collectors.Temperature, 1)

	now = now.Add(25 * time.Hour)
	s.Record(now, "hue_2", nil)
	if len(s.devices) != 1 {
		t.Errorf("%d devices are kept, want the new one", len(s.devices))
	}
}
