package huetest

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// instant is the time of a report as CLIP v2 writes it.
func (h *home) instant(t time.Time) string {
	return cmp.Or(h.reportTime, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// SetReportTimes has every report of CLIP v2 have this time from now on, which
// may be any text: "1970-01-01T00:00:00.000Z" as by a bridge whose clock is not
// set, "none" as by emulators; "" for the true one.
func (b *Bridge) SetReportTimes(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reportTime = text
	b.reshape()
}

// reshape renews all resources, which look different.
func (b *Bridge) reshape() {
	b.shape++
	var c changes
	for _, d := range b.list {
		c.append(b.refresh(d))
	}
	for _, r := range b.rooms {
		c.append(b.refreshRoom(r))
	}
	for _, a := range b.motionAreas {
		c.append(b.refreshMotionArea(a))
	}
	c.append(b.refreshHome())
	b.publish([]changes{c})
}

// firstReports is the first software with reports in CLIP v2 (motion_report and
// the like). Older software has the value alone, which newer software still has
// beside the report.
const firstReports = 1960000000

// reports reports whether the software has them.
func (h *home) reports() bool {
	number, err := strconv.Atoi(h.software)
	return err == nil && number >= firstReports
}

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

// reference is how resources name each other.
func reference(id, kind string) object { return object{"rid": id, "rtype": kind} }

func references(services []*resource) []object {
	list := make([]object, len(services))
	for i, s := range services {
		list[i] = reference(s.id, s.kind)
	}
	return list
}

// uuid is the id of a resource: the same for the same names, always.
func uuid(names ...string) string {
	sum := sha1.Sum([]byte("huetest\x00" + strings.Join(names, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	digits := hex.EncodeToString(sum[:16])
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// uuid returns the id of something that every home has one of.
func (h *home) uuid(names ...string) string { return uuid(append([]string{h.bridgeID}, names...)...) }

// constant builds an object that never changes.
func constant(o object) func() object { return func() object { return o } }

// serviceKey identifies a service within its device; control is 0 but for
// buttons.
type serviceKey struct {
	kind    string
	control int
}

// id is the id of a service of the device, or of the device itself.
func (d *device) id(kind string, control int) string {
	key := serviceKey{kind, control}
	id := d.ids[key]
	if id == "" {
		id = uuid(d.mac, kind, fmt.Sprint(control))
		d.ids[key] = id
	}
	return id
}

func (d *device) service(kind string, control int, idV1 string, from any, build func() object) *resource {
	return &resource{
		id: d.id(kind, control), kind: kind, idV1: idV1, owner: d.reference(), from: from, build: build,
	}
}

// changes are what became of resources: whole ones that were added, what changed
// of those that were there, and identifiers of those that are gone.
type changes struct{ added, updated, deleted []*resource }

func (c *changes) append(more changes) {
	c.added = append(c.added, more.added...)
	c.updated = append(c.updated, more.updated...)
	c.deleted = append(c.deleted, more.deleted...)
}

// replace puts resources in the place of those with the ids old, and returns the
// new ids and the difference.
func (h *home) replace(old []string, with []*resource) ([]string, changes) {
	var c changes
	ids := make([]string, len(with))
	for i, r := range with {
		ids[i] = r.id
		before := h.resources[r.id]
		r.shape = h.shape
		if before != nil && before.shape == r.shape && before.from == r.from && before.idV1 == r.idV1 {
			continue
		}
		r.realize()
		h.resources[r.id] = r
		if before == nil {
			h.order = append(h.order, r.id)
			c.added = append(c.added, r)
		} else if part := difference(before, r); part != nil {
			c.updated = append(c.updated, part)
		}
	}
	for _, id := range old {
		if !slices.Contains(ids, id) {
			c.deleted = append(c.deleted, h.drop(id))
		}
	}
	return ids, c
}

// drop forgets a resource and returns what identifies it.
func (h *home) drop(id string) *resource {
	r := h.resources[id]
	delete(h.resources, id)
	h.order = slices.DeleteFunc(h.order, func(other string) bool { return other == id })
	gone := &resource{id: r.id, kind: r.kind, idV1: r.idV1, build: constant(object{})}
	gone.realize()
	return gone
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
