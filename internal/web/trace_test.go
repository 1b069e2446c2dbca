package web

import (
	"math"
	"strings"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

func day(values map[int]float32) []float32 {
	day := make([]float32, 144)
	for i := range day {
		day[i] = float32(math.NaN())
		if v, ok := values[i]; ok {
			day[i] = v
		}
	}
	return day
}

func TestTraces(t *testing.T) {
	label, _ := discovery.LabelOf(string(collectors.Temperature))
	for name, test := range map[string]struct {
		drawing string
		want    []string
	}{
		"nothing":      {string(sparkline(label, day(nil))), nil},
		"none at all":  {string(sparkline(label, nil)), nil},
		"one":          {string(sparkline(label, day(map[int]float32{143: 20}))), []string{`d="M71 20h0"`, "20.0 to 20.0 °C"}},
		"up and down":  {string(sparkline(label, day(map[int]float32{0: 10, 2: 20, 4: 10, 5: 20}))), []string{`d="M0 37h0l1-34 1 17"`}},
		"with a gap":   {string(sparkline(label, day(map[int]float32{0: 10, 4: 20, 6: 20}))), []string{`d="M0 37h0M2 3h0l1 0"`}},
		"no motion":    {string(bars("Motion", day(map[int]float32{0: 0}))), []string{`d=""`, "in 0 of 144"}},
		"motion":       {string(bars("Motion", day(map[int]float32{0: 1, 2: 1, 3: 1, 142: 0, 143: 1}))), []string{`d="M0 20h2M71 20h1"`, "in 4 of 144"}},
		"unknown":      {string(bars("Motion", day(nil))), nil},
		"dangerous":    {string(bars(`"><script>`, day(map[int]float32{0: 1}))), []string{"&lt;script&gt;"}},
		"three digits": {string(sparkline(discovery.Label{Name: "x"}, day(map[int]float32{0: 100, 1: 300}))), []string{"100 to 300\""}},
	} {
		t.Run(name, func(t *testing.T) {
			if (test.drawing == "") != (test.want == nil) {
				t.Errorf("got %q", test.drawing)
			}
			for _, text := range test.want {
				if !strings.Contains(test.drawing, text) {
					t.Errorf("%q is not in %s", text, test.drawing)
				}
			}
		})
	}
}
