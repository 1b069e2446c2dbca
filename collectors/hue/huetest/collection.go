package huetest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// entry is one CLIP v1 sensor or light. Those of a device share its MAC.
type entry struct {
	mac, kind string
	render    func() object
	// text is the rendered entry, or that of SetRaw; nil before it is rendered.
	text json.RawMessage
}

func (e *entry) json() json.RawMessage {
	if e.text == nil {
		e.text = encode(e.render())
	}
	return e.text
}

// collection is the CLIP v1 sensors, lights or groups: entries by id.
type collection struct {
	entries map[string]*entry
	ids     map[entryKey]string
	lastID  int
}

type entryKey struct{ mac, kind string }

func newCollection() collection {
	return collection{entries: make(map[string]*entry), ids: make(map[entryKey]string)}
}

// put stores an entry under the id that its MAC and kind have, or a new one.
func (c *collection) put(mac, kind string, render func() object) {
	id := c.id(mac, kind)
	if id == "" {
		c.lastID++
		for c.entries[strconv.Itoa(c.lastID)] != nil {
			c.lastID++
		}
		id = strconv.Itoa(c.lastID)
	}
	c.entries[id] = &entry{mac: mac, kind: kind, render: render}
	if mac != "" {
		c.ids[entryKey{mac, kind}] = id
	}
}

// id is the id of the entry of this device and kind, or "".
func (c *collection) id(mac, kind string) string { return c.ids[entryKey{mac, kind}] }

func (c *collection) remove(id string) {
	if e := c.entries[id]; e != nil {
		delete(c.ids, entryKey{e.mac, e.kind})
		delete(c.entries, id)
	}
}

// idsOf are the ids of all entries of a device.
func (c *collection) idsOf(mac string) []string {
	ids := []string{}
	for key, id := range c.ids {
		if key.mac == mac {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, byNumber)
	return ids
}

func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// text is all entries, in the order of their ids. It is not made by json.Marshal,
// which would refuse a raw entry that is no JSON.
func (c *collection) text() []byte {
	ids := make([]string, 0, len(c.entries))
	for id := range c.entries {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, byNumber)
	text := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, encode(id)...), ':'), c.entries[id].json()...)
	}
	return append(text, '}')
}
