package hue

import "hueair2mqtt/collectors"

// tamper is what a device reports about attempts to open it.
type tamper struct {
	Reports list[tamperReport] `json:"tamper_reports"` // nil: the bridge does not say
}

type tamperReport struct {
	Changed moment  `json:"changed"`
	State   *string `json:"state"`
}

// newest returns the report that changed last, of those without a time the first;
// nil if there is none.
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
	case newest == nil: // nothing to report is in good order
		r.set(collectors.Tamper, collectors.Truth(false))
	case *newest.State == "tampered":
		r.set(collectors.Tamper, collectors.Truth(true))
	case *newest.State == "not_tampered":
		r.set(collectors.Tamper, collectors.Truth(false))
	default:
		r.impossible(collectors.Tamper, "tamper_reports has the state %.40q, not tampered or not_tampered", *newest.State)
	}
}
