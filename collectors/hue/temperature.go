package hue

import "hueair2mqtt/collectors"

// minTemperature and maxTemperature are far beyond the hardware's -20 to 50 °C.
const minTemperature, maxTemperature = -100, 100

// temperature is the thermometer of a motion sensor.
type temperature struct {
	Enabled     *bool `json:"enabled"`
	Temperature struct {
		// Temperature holds the value in software before 2023, and beside the report since.
		Temperature *float64 `json:"temperature"`
		Valid       *bool    `json:"temperature_valid"`
		Report      *struct {
			Changed     moment   `json:"changed"`
			Temperature *float64 `json:"temperature"` // °C
		} `json:"temperature_report"`
	} `json:"temperature"`
}

func (t *temperature) reported() moment {
	if r := t.Temperature.Report; r != nil {
		return r.Changed
	}
	return moment{}
}

func (t *temperature) measure(r *readings) {
	r.enabled(t.Enabled)
	celsius := t.Temperature.Temperature
	if report := t.Temperature.Report; report != nil {
		celsius = report.Temperature
	}
	if !isTrue(t.Enabled) || !isTrue(t.Temperature.Valid) || celsius == nil || t.reported().never {
		r.set(collectors.Temperature, collectors.Unknown)
		return
	}
	r.number(collectors.Temperature, *celsius, minTemperature, maxTemperature, "temperature")
}
