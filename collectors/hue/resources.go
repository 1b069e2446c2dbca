package hue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// resources are the resources of a v2 bridge: those of a full read, with the updates from
// the event stream merged in. All devices are made from them, so it makes no difference how
// a value arrived.
type resources struct {
	o        *deviceOptions
	owners   map[string]*resource // by resource id
	services map[string]*resource // by resource id: what owners own
	refused  map[string]bool      // resource ids of malformed resources
	answered time.Time            // when the bridge answered, by its clock; zero if unknown

	// These are derived from the above by arrange.
	byOwner map[string][]*resource // services by owner, sorted by type and id
	ids     map[string]string      // device ids by owner; only of devices of ours
	serials map[string]string      // hardware addresses by owner
	areas   map[string]string      // names of rooms by owner
}

func newResources(o *deviceOptions) *resources {
	return &resources{
		o: o, owners: make(map[string]*resource), services: make(map[string]*resource), refused: make(map[string]bool),
	}
}

// isRead reports whether resources of this type are read.
func (rs *resources) isRead(kind string) bool {
	k, ok := kinds[kind]
	return ok && (k.role != lighting || rs.o.lights)
}

// add adds one resource of a full read. An error names it.
func (rs *resources) add(raw []byte) error {
	var head header
	err := decode(raw, &head)
	switch {
	case err != nil:
	case !rs.isRead(head.Type):
		return nil
	case head.ID == "":
		err = errors.New("it has no id")
	default:
		r := &resource{id: head.ID, kind: head.Type, owner: head.Owner.RID, value: newValue(head.Type)}
		if err = decode(raw, r.value); err != nil {
			break
		}
		if kinds[r.kind].role == owning {
			rs.owners[r.id] = r
		} else {
			rs.services[r.id] = r
		}
		return nil
	}
	rs.refused[head.ID] = true
	if head.ID == "" {
		return fmt.Errorf("a resource of %d bytes: %s", len(bytes.TrimSpace(raw)), rs.o.clean(err.Error()))
	}
	return fmt.Errorf(`resource "%s": %s`, collectors.CleanText(head.ID), rs.o.clean(err.Error()))
}

// isEmpty reports whether no resource was read.
func (rs *resources) isEmpty() bool { return len(rs.owners)+len(rs.services) == 0 }

// devices returns the pieces of hardware; every Hue bridge has at least itself.
func (rs *resources) devices() (all []*device) {
	for _, r := range rs.owners {
		if d, ok := r.value.(*device); ok {
			all = append(all, d)
		}
	}
	return all
}

// namesOnly reports whether the answer had only ids, types and owners, as in the OpenHue
// specification. Signify's bridges send whole resources.
func (rs *resources) namesOnly() bool {
	for _, d := range rs.devices() {
		if d.Services != nil || d.ProductData.ModelID != "" {
			return false
		}
	}
	return true
}

// types returns the types of all resources, sorted.
func (rs *resources) types() []string {
	types := make(map[string]bool)
	for _, all := range []map[string]*resource{rs.owners, rs.services} {
		for _, r := range all {
			types[r.kind] = true
		}
	}
	return slices.Sorted(maps.Keys(types))
}

// arrange derives devices and rooms from the resources. It must be called after a full read
// and when an owner has changed.
func (rs *resources) arrange(faults *faults) {
	rs.byOwner = make(map[string][]*resource, len(rs.owners))
	for _, r := range rs.services {
		rs.byOwner[r.owner] = append(rs.byOwner[r.owner], r)
	}
	for _, services := range rs.byOwner {
		slices.SortFunc(services, func(a, b *resource) int {
			return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.id, b.id))
		})
	}
	rs.nameAreas()

	// An emulator, or a recording with its addresses removed, may report no valid address at
	// all; resource ids then identify its devices. If a Hue bridge leaves out a single
	// address, its device must not get a second identity.
	noAddresses := true
	for _, r := range rs.services {
		if radio, ok := r.value.(radio); ok {
			if address, _ := radio.radio(); mac(address) != "" {
				noAddresses = false
			}
		}
	}
	rs.ids, rs.serials = make(map[string]string), make(map[string]string)
	taken := make(map[string]bool)
	for _, rid := range slices.Sorted(maps.Keys(rs.byOwner)) {
		if !rs.isDevice(rid) {
			continue
		}
		serial, hardwareID := rs.address(rid), ""
		switch {
		case serial != "":
			hardwareID = serial
		case rs.owners[rid].value.(owner).hasOwnID():
			hardwareID = rid
		case noAddresses:
			serial, hardwareID = rid, rid
		}
		id := collectors.DeviceID(Source, hardwareID)
		if id == "" || taken[id] {
			faults.add(`device "%s": the bridge reports no hardware address of its own for it`, collectors.CleanText(rid))
			continue
		}
		taken[id] = true
		rs.ids[rid], rs.serials[rid] = id, serial
	}
}

// isDevice reports whether an owner becomes a device of ours.
func (rs *resources) isDevice(rid string) bool {
	r := rs.owners[rid]
	if r == nil || !slices.ContainsFunc(rs.byOwner[rid], func(s *resource) bool { return kinds[s.kind].role != describing }) {
		return false
	}
	group, ok := r.value.(*room)
	return !ok || group.isGroup(rs.byOwner)
}

// address returns the hardware address of an owner's radio, or "".
func (rs *resources) address(rid string) (address string) {
	for _, r := range rs.byOwner[rid] {
		if radio, ok := r.value.(radio); ok {
			text, _ := radio.radio()
			address = cmp.Or(address, mac(text))
		}
	}
	return address
}

// nameAreas derives areas.
func (rs *resources) nameAreas() {
	rs.areas = make(map[string]string)
	for _, id := range slices.Sorted(maps.Keys(rs.owners)) {
		if room, ok := rs.owners[id].value.(*room); ok {
			rs.areas[id] = string(room.Metadata.Name)
			for _, child := range room.Children {
				if child.RType == "device" {
					rs.areas[child.RID] = string(room.Metadata.Name)
				}
			}
		}
	}
	for id, r := range rs.owners {
		if area, ok := r.value.(*motionArea); ok {
			rs.areas[id] = rs.areas[area.Group.RID]
		}
	}
}

// all returns every device, sorted by id.
func (rs *resources) all(faults *faults) []collectors.Device {
	devices := make([]collectors.Device, 0, len(rs.ids))
	for _, rid := range slices.Sorted(maps.Keys(rs.ids)) { // for a stable order of faults
		devices = append(devices, rs.device(rid, faults))
	}
	slices.SortFunc(devices, func(a, b collectors.Device) int { return strings.Compare(a.ID, b.ID) })
	return devices
}

// device returns the device of an owner, which must have an id.
func (rs *resources) device(rid string, faults *faults) collectors.Device {
	d := collectors.Device{
		ID: rs.ids[rid], Serial: rs.serials[rid], Online: true,
		Readings: make(map[collectors.Measurement]collectors.Value, 4),
	}
	d.Area = cmp.Or(rs.o.areas[strings.ToLower(d.Serial)], rs.areas[rid])
	for _, r := range rs.byOwner[rid] {
		fault := func(err error) {
			faults.add(`resource "%s": %s`, collectors.CleanText(r.id), rs.o.clean(err.Error()))
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
			d.EventTypes[key] = rs.o.buttonEvents.types(key, types)
		}
	}
	rs.owners[rid].value.(owner).describe(&d)
	if !d.Online {
		for m := range d.Readings {
			d.Readings[m] = collectors.Unknown
		}
	}
	return d
}

// errUnknownResource is returned for an update of a resource that no full read had.
var errUnknownResource = errors.New("the bridge updated an unknown resource")

// update merges a partial update, and returns the owners of the devices that changed. See
// merge for onlyNewer. An error requires a full read.
func (rs *resources) update(head header, part []byte, onlyNewer bool) ([]string, error) {
	if rs.refused[head.ID] || !rs.isRead(head.Type) {
		return nil, nil // a full read would not help
	}
	if r := rs.owners[head.ID]; r != nil {
		if err := merge(r.value, head.Type, part, onlyNewer); err != nil {
			return nil, err
		}
		areas, ids := rs.areas, rs.ids
		rs.arrange(&faults{}) // the next full read reports the faults
		var changed []string
		for rid := range rs.ids {
			if rid == head.ID || areas[rid] != rs.areas[rid] || ids[rid] == "" {
				changed = append(changed, rid)
			}
		}
		return changed, nil
	}
	r := rs.services[head.ID]
	if r == nil {
		return nil, errUnknownResource
	}
	if err := merge(r.value, head.Type, part, onlyNewer); err != nil || rs.ids[r.owner] == "" {
		return nil, err
	}
	return []string{r.owner}, nil
}

// affects reports whether a CLIP event other than an update requires a full read: resources
// were added or deleted, unless their types are not read, or the event's type is unknown.
func (rs *resources) affects(e clipEvent) bool {
	if e.Type != clipAdd && e.Type != clipDelete {
		return true
	}
	return slices.ContainsFunc(e.Data, func(raw json.RawMessage) bool {
		var head header
		return decode(raw, &head) != nil || rs.isRead(head.Type)
	})
}
