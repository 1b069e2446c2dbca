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

	"github.com/tdrn-org/go-hue/api"

	"hueair2mqtt/collectors"
)

// house is what a v2 bridge has told: the resources that say something of a
// sensor, from a full read, with what the event stream changed since laid over
// them. All devices are made of it, so that it makes no difference which of the
// two a value came by.
type house struct {
	devices  map[string]*api.DeviceGet // by resource id
	rooms    map[string]*api.RoomGet
	services map[string]*resource
	refused  map[string]bool // ids of resources that could not be understood
	answered time.Time       // when the bridge answered, by its clock; zero if it does not say

	byDevice map[string][]*resource // services by device, sorted by id
	ids      map[string]string      // device ids by resource id; none for what is no sensor
	serials  map[string]string      // hardware addresses by resource id
	areas    map[string]string      // rooms' names by the device's resource id
}

func newHouse() *house {
	return &house{
		devices: make(map[string]*api.DeviceGet), rooms: make(map[string]*api.RoomGet),
		services: make(map[string]*resource), refused: make(map[string]bool),
	}
}

// add takes one resource of a full read.
func (h *house) add(head header, raw []byte) error {
	value := newValue(head.Type)
	if value == nil {
		return nil
	}
	if head.ID == "" {
		return errors.New("it has no id")
	}
	if err := decode(raw, value); err != nil {
		return err
	}
	switch v := value.(type) {
	case *api.DeviceGet:
		cleanTexts(v)
		h.devices[head.ID] = v
	case *api.RoomGet:
		h.rooms[head.ID] = v
	default:
		h.services[head.ID] = &resource{id: head.ID, owner: head.Owner.RID, value: value}
	}
	return nil
}

// cleanTexts makes a device's texts fit to be shown: here, when they change, and
// not for each event.
func cleanTexts(d *api.DeviceGet) {
	for _, text := range []*string{
		&d.Metadata.Name, &d.ProductData.ManufacturerName, &d.ProductData.ModelId, &d.ProductData.SoftwareVersion,
	} {
		*text = collectors.CleanText(*text)
	}
}

// arrange finds out what belongs together, after a full read.
func (h *house) arrange(faults *faults) {
	h.byDevice = make(map[string][]*resource, len(h.devices))
	for _, id := range slices.Sorted(maps.Keys(h.services)) {
		r := h.services[id]
		h.byDevice[r.owner] = append(h.byDevice[r.owner], r)
	}
	h.placeDevices()

	// A bridge that tells not one address, as one that somebody made in software
	// may, still has ids that stay: those of the resources. A bridge that leaves
	// out one address alone does not get that device a second identity.
	noAddresses := true
	for _, r := range h.services {
		if mac, _, ok := address(r.value); ok && mac != "" {
			noAddresses = false
		}
	}
	h.ids, h.serials = make(map[string]string), make(map[string]string)
	taken := make(map[string]bool)
	for _, rid := range slices.Sorted(maps.Keys(h.byDevice)) {
		if h.devices[rid] == nil || !slices.ContainsFunc(h.byDevice[rid], isSensor) {
			continue
		}
		serial := ""
		for _, r := range h.byDevice[rid] {
			if address, _, ok := address(r.value); ok {
				serial = cmp.Or(serial, mac(address))
			}
		}
		if serial == "" && noAddresses {
			serial = rid
		}
		id := collectors.DeviceID(Source, serial)
		if id == "" || taken[id] {
			faults.add(`device "%s": the bridge tells no hardware address of its own for it`, collectors.CleanText(rid))
			continue
		}
		taken[id] = true
		h.ids[rid], h.serials[rid] = id, serial
	}
}

// placeDevices notes the rooms' names.
func (h *house) placeDevices() {
	h.areas = make(map[string]string)
	for _, id := range slices.Sorted(maps.Keys(h.rooms)) {
		room := h.rooms[id]
		for _, child := range room.Children {
			if child.Rtype == api.ResourceIdentifierRtypeDevice {
				h.areas[child.Rid] = collectors.CleanText(room.Metadata.Name)
			}
		}
	}
}

// isSensor says whether a resource makes the device that has it one of ours.
func isSensor(r *resource) bool {
	switch r.value.(type) {
	case *api.DevicePowerGet, *api.ZigbeeConnectivityGet, *api.ZgpConnectivityGet:
		return false
	}
	return true
}

// all makes every device.
func (h *house) all(c *Collector, faults *faults) []collectors.Device {
	devices := make([]collectors.Device, 0, len(h.ids))
	for rid := range h.ids {
		devices = append(devices, h.device(c, rid, faults))
	}
	slices.SortFunc(devices, func(a, b collectors.Device) int { return strings.Compare(a.ID, b.ID) })
	return devices
}

// device makes one device, which must have an id. Of two services that measure
// the same the first counts.
func (h *house) device(c *Collector, rid string, faults *faults) collectors.Device {
	known := h.devices[rid]
	d := collectors.Device{
		ID: h.ids[rid], Serial: h.serials[rid], Online: true,
		Name:            known.Metadata.Name,
		Manufacturer:    known.ProductData.ManufacturerName,
		Model:           known.ProductData.ModelId,
		SoftwareVersion: known.ProductData.SoftwareVersion,
		Readings:        make(map[collectors.Measurement]collectors.Value, 4),
	}
	d.Area = cmp.Or(c.areas[strings.ToLower(d.Serial)], h.areas[rid])
	for _, r := range h.byDevice[rid] {
		if at := stamp(r.value); at.After(d.LastSeen) {
			d.LastSeen = at
		}
		if _, connected, ok := address(r.value); ok && !connected {
			d.Online = false
		}
		if m, v, ok, err := measured(r.value); ok {
			if err != nil {
				faults.add(`resource "%s": %s`, collectors.CleanText(r.id), c.clean(err.Error()))
			}
			if _, twice := d.Readings[m]; !twice {
				d.Readings[m] = v
			}
		}
		if key, types := eventTypes(r.value); key != "" {
			if d.EventTypes == nil {
				d.EventTypes = make(map[string][]string)
			}
			d.EventTypes[key] = types
		}
	}
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
// resource ids of the devices that changed. See merge for onlyNewer.
func (h *house) update(head header, part []byte, onlyNewer bool) ([]string, error) {
	if h.refused[head.ID] {
		return nil, nil // another full read would not understand it either
	}
	switch head.Type {
	case "device":
		device := h.devices[head.ID]
		if device == nil {
			return nil, errUnknownResource
		}
		if err := merge(device, head.Type, part, onlyNewer); err != nil {
			return nil, err
		}
		cleanTexts(device)
		return h.known(head.ID), nil
	case "room":
		room := h.rooms[head.ID]
		if room == nil {
			return nil, errUnknownResource
		}
		if err := merge(room, head.Type, part, onlyNewer); err != nil {
			return nil, err
		}
		old := h.areas
		h.placeDevices()
		var changed []string
		for rid := range h.ids {
			if old[rid] != h.areas[rid] {
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
	return h.known(r.owner), nil
}

// known returns the device if it is one of ours.
func (h *house) known(rid string) []string {
	if h.ids[rid] == "" {
		return nil
	}
	return []string{rid}
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
	if button, ok := r.value.(*api.ButtonGet); ok && !slices.Contains(types, kind) {
		if button.Button == nil {
			return // it has every known type
		}
		values := make([]api.ButtonGetButtonEventValues, 0, len(types)+1)
		for _, t := range append(types, kind) {
			values = append(values, api.ButtonGetButtonEventValues(t))
		}
		button.Button.EventValues = &values
	}
}
