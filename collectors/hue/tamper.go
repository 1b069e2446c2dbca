package hue

import "hueair2mqtt/collectors"

// tamper is what a device reports about attempts to open it.
type tamper struct {
	Reports list[tamperReport] `json:"tamper_reports"` // nil: the bridge does not report them
}

type tamperReport struct {
	Changed moment  `json:"changed"`
	State   *string `json:"state"`
}

// newest returns the latest report, or the first one if none has a time; nil if there is
// none.
func (t *tamper) newest() *tamperReport {
	var newest *tamperReport
	for i := range t.Reports {
		if r := &t.Reports[i]; newest == nil || r.Changed.at.After(newest.Changed.at) {
			newest = r
		}
	}
	return newest
}

func (t *tamper) reported() moment {
	if r := t.newest(); r != nil {
		return r.Changed
	}
	return moment{}
}

func (t *tamper) measure(r *readings) {
	newest := t.newest()
	switch {
	case t.Reports == nil, newest != nil && newest.State == nil:
		r.set(collectors.Tamper, collectors.Unknown)
	case newest == nil: // an empty list: nothing to report
		r.set(collectors.Tamper, collectors.Bool(false))
	case *newest.State == "tampered":
		r.set(collectors.Tamper, collectors.Bool(true))
	case *newest.State == "not_tampered":
		r.set(collectors.Tamper, collectors.Bool(false))
	default:
		r.impossible(collectors.Tamper, "tamper_reports has the state %.40q, not tampered or not_tampered", *newest.State)
	}
}
