package hue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// signify is the manufacturer of what is no hardware.
const signify = "Signify Netherlands B.V."

// house is what a v2 bridge has reported: the resources of a full read, with what
// the event stream changed since laid over them. All devices are made of it, so
// that it makes no difference which of the two a value came by.
type house struct {
	lights   bool                 // are read
	owners   map[string]*resource // by resource id: what becomes a device
	services map[string]*resource // by resource id: what devices have
	refused  map[string]bool      // ids of resources that could not be understood
	answered time.Time            // when the bridge answered, by its clock; zero if it does not say

	byOwner map[string][]*resource // services by owner, sorted by type and id
	ids     map[string]string      // device ids by the owner's resource id; none for what is no device of ours
	serials map[string]string      // hardware addresses likewise
	areas   map[string]string      // rooms' names likewise
}

// owner is a resource that has services and becomes a device.
type owner interface {
	// describe fills in what the owner knows of the device, whose readings are there.
	describe(d *collectors.Device)

	// hasOwnID reports whether the device is known by its resource id, because it has
	// no hardware address.
	hasOwnID() bool
}

func newHouse(lights bool) *house {
	return &house{
		lights: lights, owners: make(map[string]*resource), services: make(map[string]*resource), refused: make(map[string]bool),
	}
}

// reads reports whether resources of this type are read.
func (h *house) reads(kind string) bool {
	k, ok := kinds[kind]
	return ok && (k.role != light || h.lights)
}

// add takes one resource of a full read.
func (h *house) add(head header, raw []byte) error {
	if !h.reads(head.Type) {
		return nil
	}
	if head.ID == "" {
		return errors.New("it has no id")
	}
	value := newValue(head.Type)
	if err := decode(raw, value); err != nil {
		return err
	}
	r := &resource{id: head.ID, kind: head.Type, value: value}
	if kinds[head.Type].role == owning {
		h.owners[head.ID] = r
		return nil
	}
	r.owner = head.Owner.RID
	h.services[head.ID] = r
	return nil
}

// isEmpty reports whether nothing that is read was there.
func (h *house) isEmpty() bool { return len(h.owners)+len(h.services) == 0 }

// devices are the pieces of hardware; every Hue bridge has at least itself.
func (h *house) devices() (all []*device) {
	for _, r := range h.owners {
		if d, ok := r.value.(*device); ok {
			all = append(all, d)
		}
	}
	return all
}

// types are those of the resources that are there, sorted.
func (h *house) types() []string {
	there := make(map[string]bool)
	for _, resources := range []map[string]*resource{h.owners, h.services} {
		for _, r := range resources {
			there[r.kind] = true
		}
	}
	return slices.Sorted(maps.Keys(there))
}

// arrange finds out what belongs together, after a full read and when an owner has
// changed.
func (h *house) arrange(faults *faults) {
	h.byOwner = make(map[string][]*resource, len(h.owners))
	for _, r := range h.services {
		h.byOwner[r.owner] = append(h.byOwner[r.owner], r)
	}
	for _, services := range h.byOwner {
		slices.SortFunc(services, func(a, b *resource) int {
			return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.id, b.id))
		})
	}
	h.place()

	// An emulator, or a recording without its owner's addresses, may report not one
	// that a radio can have; its devices are known by their resource ids. If a Hue bridge leaves out a single address, the device does not
	// get a second identity.
	noAddresses := true
	for _, r := range h.services {
		if radio, ok := r.value.(radio); ok {
			if address, _ := radio.radio(); mac(address) != "" {
				noAddresses = false
			}
		}
	}
	h.ids, h.serials = make(map[string]string), make(map[string]string)
	taken := make(map[string]bool)
	for _, rid := range slices.Sorted(maps.Keys(h.byOwner)) {
		if !h.isOurs(rid) {
			continue
		}
		serial, hardwareID := h.address(rid), ""
		switch {
		case serial != "":
			hardwareID = serial
		case h.owners[rid].value.(owner).hasOwnID():
			hardwareID = rid
		case noAddresses:
			serial, hardwareID = rid, rid
		}
		id := collectors.DeviceID(Source, hardwareID)
		if id == "" || taken[id] {
			faults.add(`device "%s": the bridge tells no hardware address of its own for it`, collectors.CleanText(rid))
			continue
		}
		taken[id] = true
		h.ids[rid], h.serials[rid] = id, serial
	}
}

// isOurs reports whether an owner becomes a device.
func (h *house) isOurs(rid string) bool {
	r := h.owners[rid]
	if r == nil || !slices.ContainsFunc(h.byOwner[rid], func(s *resource) bool { return kinds[s.kind].role != aspect }) {
		return false
	}
	group, ok := r.value.(*room)
	return !ok || group.isGroup(h.byOwner)
}

// address returns the hardware address of an owner's radio, or "".
func (h *house) address(rid string) (address string) {
	for _, r := range h.byOwner[rid] {
		if radio, ok := r.value.(radio); ok {
			text, _ := radio.radio()
			address = cmp.Or(address, mac(text))
		}
	}
	return address
}

// place notes the rooms' names.
func (h *house) place() {
	h.areas = make(map[string]string)
	for _, id := range slices.Sorted(maps.Keys(h.owners)) {
		if room, ok := h.owners[id].value.(*room); ok {
			h.areas[id] = string(room.Metadata.Name)
			for _, child := range room.Children {
				if child.RType == "device" {
					h.areas[child.RID] = string(room.Metadata.Name)
				}
			}
		}
	}
	for id, r := range h.owners {
		if area, ok := r.value.(*motionArea); ok {
			h.areas[id] = h.areas[area.Group.RID]
		}
	}
}

// all makes every device.
func (h *house) all(c *Collector, faults *faults) []collectors.Device {
	devices := make([]collectors.Device, 0, len(h.ids))
	for _, rid := range slices.Sorted(maps.Keys(h.ids)) { // so that faults come in one order
		devices = append(devices, h.device(c, rid, faults))
	}
	slices.SortFunc(devices, func(a, b collectors.Device) int { return strings.Compare(a.ID, b.ID) })
	return devices
}

// device makes one device, which must have an id.
func (h *house) device(c *Collector, rid string, faults *faults) collectors.Device {
	d := collectors.Device{
		ID: h.ids[rid], Serial: h.serials[rid], Online: true,
		Readings: make(map[collectors.Measurement]collectors.Value, 4),
	}
	d.Area = cmp.Or(c.areas[strings.ToLower(d.Serial)], h.areas[rid])
	for _, r := range h.byOwner[rid] {
		fault := func(err error) {
			faults.add(`resource "%s": %s`, collectors.CleanText(r.id), c.target.Clean(err.Error()))
		}
		if reporter, ok := r.value.(reporter); ok {
			at := reporter.reported()
			if at.at.After(d.LastSeen) {
				d.LastSeen = at.at
			}
			if err := at.fault("the time of its report"); err != nil {
				fault(err)
			}
		}
		if radio, ok := r.value.(radio); ok {
			if _, reachable := radio.radio(); !reachable {
				d.Online = false
			}
		}
		if measurer, ok := r.value.(measurer); ok {
			measurer.measure(&readings{d.Readings, fault})
		}
		if key, types := eventTypes(r.value); key != "" {
			if d.EventTypes == nil {
				d.EventTypes = make(map[string][]string)
			}
			d.EventTypes[key] = c.buttonEvents.types(key, types)
		}
	}
	h.owners[rid].value.(owner).describe(&d)
	if !d.Online {
		for m := range d.Readings {
			d.Readings[m] = collectors.Unknown
		}
	}
	return d
}

// errUnknownResource says that a part belongs to nothing that is known.
var errUnknownResource = errors.New("the bridge changed something that it has not told of")

// update lays a part of a resource over what is known of it, and returns the
// owners of the devices that changed. See merge for onlyNewer.
func (h *house) update(head header, part []byte, onlyNewer bool) ([]string, error) {
	if h.refused[head.ID] || !h.reads(head.Type) {
		return nil, nil // a full read would not bring it either
	}
	if r := h.owners[head.ID]; r != nil {
		if err := merge(r.value, head.Type, part, onlyNewer); err != nil {
			return nil, err
		}
		areas, ids := h.areas, h.ids
		h.arrange(&faults{}) // the next full read tells the faults
		var changed []string
		for rid := range h.ids {
			if rid == head.ID || areas[rid] != h.areas[rid] || ids[rid] == "" {
				changed = append(changed, rid)
			}
		}
		return changed, nil
	}
	r := h.services[head.ID]
	if r == nil {
		return nil, errUnknownResource
	}
	if err := merge(r.value, head.Type, part, onlyNewer); err != nil {
		return nil, err
	}
	if h.ids[r.owner] == "" {
		return nil, nil
	}
	return []string{r.owner}, nil
}

// whose names a resource in a fault.
func whose(head header, raw []byte) string {
	if head.ID == "" {
		return fmt.Sprintf("a resource of %d bytes", len(bytes.TrimSpace(raw)))
	}
	return fmt.Sprintf(`resource "%s"`, collectors.CleanText(head.ID))
}

// learn adds a type of event to those that a button says it can make, when it
// makes another one.
func (h *house) learn(r *resource, kind string, types []string) {
	if e, ok := r.value.(emitter); ok && !slices.Contains(types, kind) {
		e.allow(kind)
	}
}
