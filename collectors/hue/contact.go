package hue

import "hueair2mqtt/collectors"

// contact is the contact of a door or window.
type contact struct {
	Enabled *bool `json:"enabled"`
	Report  *struct {
		Changed moment  `json:"changed"`
		State   *string `json:"state"`
	} `json:"contact_report"`
}

func (c *contact) reported() moment {
	if c.Report != nil {
		return c.Report.Changed
	}
	return moment{}
}

func (c *contact) measure(r *readings) {
	r.enabled(c.Enabled)
	if !isTrue(c.Enabled) || c.Report == nil || c.Report.State == nil || c.Report.Changed.never {
		r.set(collectors.Contact, collectors.Unknown)
		return
	}
	switch *c.Report.State {
	case "contact":
		r.set(collectors.Contact, collectors.Bool(false))
	case "no_contact":
		r.set(collectors.Contact, collectors.Bool(true))
	default:
		r.impossible(collectors.Contact, "contact_report.state is %.40q, not contact or no_contact", *c.Report.State)
	}
}
