package huetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stamp is the present time as CLIP v1 writes it.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05") }

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

// SetRaw makes the CLIP v1 sensor with this id, which may be any text, be exactly
// this text, which should but need not be JSON. An empty text removes the entry;
// one that belongs to a device is mended when the device is set again. CLIP v2
// knows nothing of it.
func (b *Bridge) SetRaw(id, rawJSON string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rawJSON == "" {
		b.sensors.remove(id)
		return
	}
	e := b.sensors.entries[id]
	if e == nil {
		e = &entry{}
		b.sensors.entries[id] = e
	}
	e.text = json.RawMessage(rawJSON)
}

// addSoftwareSensors adds the sensors without hardware.
func (b *Bridge) addSoftwareSensors() {
	now := stamp()
	b.sensors.put("", "Daylight", func() object {
		return object{
			"state":            object{"daylight": true, "lastupdated": now},
			"config":           object{"on": true, "configured": true, "sunriseoffset": 30, "sunsetoffset": -30},
			"name":             "Daylight",
			"type":             "Daylight",
			"modelid":          "PHDL00",
			"manufacturername": signify,
			"swversion":        "1.0",
		}
	})
	b.sensors.put("", "CLIPGenericStatus", func() object {
		return object{
			"state":            object{"status": 0, "lastupdated": "none"},
			"config":           object{"on": true, "reachable": true},
			"name":             "Scene cycle",
			"type":             "CLIPGenericStatus",
			"modelid":          "PHWA01",
			"manufacturername": signify,
			"swversion":        "1.0",
			"uniqueid":         "WA0001",
			"recycle":          true,
		}
	})
}

// cutKey takes a CLIP v1 path apart; the resource is "/" where there is none.
func cutKey(path string) (key, resource string, ok bool) {
	path, ok = strings.CutPrefix(strings.TrimRight(path, "/"), "/api")
	if !ok || path != "" && path[0] != '/' {
		return "", "", false
	}
	key, resource, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return key, "/" + resource, true
}

func (b *Bridge) serveV1(w http.ResponseWriter, r *http.Request) {
	key, resource, _ := cutKey(r.URL.Path)
	b.mu.Lock()
	known := b.knows(key)
	b.mu.Unlock()
	switch {
	case key == "" && r.Method == http.MethodPost:
		b.pair(w, r)
	case r.Method == http.MethodGet && (key == "config" && resource == "/" || resource == "/config" && !known):
		writeV1(w, b.config(false))
	case !known:
		writeV1Error(w, 1, resource, "unauthorized user")
	case r.Method != http.MethodGet:
		writeV1Error(w, 4, resource, fmt.Sprintf("method, %s, not available for resource, %s", r.Method, resource))
	case resource == "/config":
		writeV1(w, b.config(true))
	default:
		b.mu.Lock()
		text := b.v1Text(resource)
		b.mu.Unlock()
		if text == nil {
			writeV1Error(w, 3, resource, fmt.Sprintf("resource, %s, not available", resource))
			return
		}
		write(w, http.StatusOK, text)
	}
}

// v1Text returns a CLIP v1 resource, or nil.
func (b *Bridge) v1Text(resource string) []byte {
	name, id, one := strings.Cut(strings.TrimPrefix(resource, "/"), "/")
	var c collection
	switch name {
	case "sensors":
		c = b.sensors
	case "lights":
		c = b.lights
	default:
		return nil
	}
	if !one {
		return c.text()
	}
	if e := c.entries[id]; e != nil {
		return e.json()
	}
	return nil
}

// config returns what a bridge publishes about itself, and more to a client with a key.
func (b *Bridge) config(known bool) object {
	b.mu.Lock()
	defer b.mu.Unlock()
	config := object{
		"name": "Hue Bridge", "datastoreversion": "172", "swversion": b.software, "apiversion": apiVersion(b.software),
		"mac": macOf(b.id), "bridgeid": strings.ToUpper(b.id), "factorynew": false, "replacesbridgeid": nil,
		"modelid": b.model, "starterkitid": "",
	}
	if known {
		whitelist := object{}
		for name, key := range b.keys {
			if !key.deleted {
				whitelist[name] = object{"name": key.deviceType, "create date": key.created, "last use date": stamp()}
			}
		}
		config["zigbeechannel"] = 20
		config["UTC"] = stamp()
		config["linkbutton"] = b.linkButtonIsOn()
		config["whitelist"] = whitelist
	}
	return config
}

// macOf is the bridge's own network address, which its id is made of by putting
// fffe into the middle.
func macOf(id string) string {
	id = strings.ToLower(id)
	if len(id) != 16 {
		return "00:17:88:00:00:00"
	}
	digits := id[:6] + id[10:]
	var octets []string
	for i := 0; i < len(digits); i += 2 {
		octets = append(octets, digits[i:i+2])
	}
	return strings.Join(octets, ":")
}

func writeV1Error(w http.ResponseWriter, number int, address, description string) {
	writeV1(w, []object{{"error": object{"type": number, "address": address, "description": description}}})
}

func writeV1(w http.ResponseWriter, v any) { write(w, http.StatusOK, encode(v)) }

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("huetest: %v", err)) // made of texts, checked numbers and truths only
	}
	return text
}
