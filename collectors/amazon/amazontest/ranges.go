package amazontest

import "slices"

// Range is one range of a monitor.
type Range struct {
	Instance string
	Name     string // in the language of the account
	Unit     string
	Value    float64 // NaN if there is none at the moment
	Settable bool    // it is a setting, such as the humidity that is wanted
}

// configuration says what a range means; one without a name has none.
func (r Range) configuration() any {
	if r.Name == "" {
		return nil
	}
	return object{typed: typed{"RangeConfiguration", map[string]any{
		"friendlyName": text(r.Name), "unitOfMeasure": text(r.Unit),
	}}}
}

// ranges are those of a monitor.
func (m Monitor) ranges() []Range {
	if m.Ranges != nil {
		return m.Ranges
	}
	all := []Range{
		{Instance: "4", Name: "Indoor humidity", Unit: "Percent", Value: m.Humidity},
		{Instance: "5", Name: "Volatile organic compounds", Value: m.VOCIndex},
		{Instance: "6", Name: "Particulate matter", Unit: "Micrograms per cubic meter", Value: m.PM25},
		{Instance: "7", Value: m.PM10},
		{Instance: "8", Name: "Carbon monoxide", Unit: "Parts per million", Value: m.CO},
		{Instance: "9", Name: "Indoor air quality", Value: m.AirQuality},
	}
	if m.NoPM10 {
		all = slices.DeleteFunc(all, func(r Range) bool { return r.Instance == "7" })
	}
	return all
}
