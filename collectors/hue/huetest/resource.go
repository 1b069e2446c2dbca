package huetest

import "reflect"

// resource is one CLIP v2 resource, or a part of one, or what identifies it.
type resource struct {
	id, kind string
	idV1     string // "" for none
	owner    object // nil for none
	// from is all that build makes the object of, and comparable: where it is the
	// same the object need not be made to know that it is, too.
	from   any
	shape  int // of the home
	build  func() object
	object object
	text   []byte // the object as JSON, nil: not made yet
}

// realize makes the object.
func (r *resource) realize() {
	r.object = r.build()
	r.object["id"], r.object["type"] = r.id, r.kind
	if r.idV1 != "" {
		r.object["id_v1"] = r.idV1
	}
	if r.owner != nil {
		r.object["owner"] = r.owner
	}
	r.build = nil
}

func (r *resource) json() []byte {
	if r.text == nil {
		r.text = encode(r.object)
	}
	return r.text
}

func references(services []*resource) []object {
	list := make([]object, len(services))
	for i, s := range services {
		list[i] = reference(s.id, s.kind)
	}
	return list
}

// serviceKey identifies a service within its device; control is 0 but for
// buttons.
type serviceKey struct {
	kind    string
	control int
}

// changes are what became of resources: whole ones that were added, what changed
// of those that were there, and identifiers of those that are gone.
type changes struct{ added, updated, deleted []*resource }

func (c *changes) append(more changes) {
	c.added = append(c.added, more.added...)
	c.updated = append(c.updated, more.updated...)
	c.deleted = append(c.deleted, more.deleted...)
}

// difference returns the content of an event about a resource: its identifiers and the
// properties that changed; nil if none did.
func difference(before, after *resource) *resource {
	part := object{}
	for name, value := range after.object {
		if !reflect.DeepEqual(before.object[name], value) {
			part[name] = value
		}
	}
	if len(part) == 0 {
		return nil
	}
	return identified(after, part)
}

// identified adds to a part of a resource what every event has, and
// takes away what it never does.
func identified(r *resource, part object) *resource {
	for _, name := range []string{"id", "id_v1", "owner", "service_id", "type"} {
		if value, ok := r.object[name]; ok {
			part[name] = value
		}
	}
	switch r.kind {
	case "button", "bell_button":
		part["metadata"] = r.object["metadata"]
		if button, ok := part["button"].(object); ok {
			reported := object{}
			for _, name := range []string{"button_report", "last_event"} {
				if value, ok := button[name]; ok {
					reported[name] = value
				}
			}
			part["button"] = reported
		}
	case "light":
		if dimming, ok := part["dimming"].(object); ok {
			part["dimming"] = object{"brightness": dimming["brightness"]}
		}
	}
	return &resource{id: r.id, kind: r.kind, object: part}
}
