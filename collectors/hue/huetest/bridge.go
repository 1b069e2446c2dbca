// Package huetest provides a Philips Hue bridge for tests and demonstrations, in
// the manner of net/http/httptest: a handler that answers the local CLIP v1 API
// as a real bridge does, errors included, and that can be told to misbehave.
//
//	bridge := huetest.NewBridge("001788fffe010203", "key")
//	bridge.SetMotionSensor(huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Reachable: true})
//	server := httptest.NewServer(bridge)
package huetest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bridge is a Hue bridge with its sensors. Its methods may be called at any time
// from any goroutine.
type Bridge struct {
	id       string
	username string

	mu         sync.Mutex
	keyDeleted bool
	entries    map[string]entry // by sensor id
	lastID     int
	script     []http.HandlerFunc
	requests   int
}

// entry is one sensor resource. Those of a device share its MAC.
type entry struct {
	mac, kind string
	json      json.RawMessage
}

// NewBridge makes a bridge with the software sensors that every house has and
// nothing else, which have the ids 1 and 2; later ones count on from there. id is
// its bridge id, 16 hexadecimal digits; username is the one key it knows.
func NewBridge(id, username string) *Bridge {
	b := &Bridge{id: id, username: username, entries: make(map[string]entry)}
	b.put("", "Daylight", object{
		"state":            object{"daylight": true, "lastupdated": stamp()},
		"config":           object{"on": true, "configured": true, "sunriseoffset": 30, "sunsetoffset": -30},
		"name":             "Daylight",
		"type":             "Daylight",
		"modelid":          "PHDL00",
		"manufacturername": signify,
		"swversion":        "1.0",
	})
	b.put("", "CLIPGenericStatus", object{
		"state":            object{"status": 0, "lastupdated": "none"},
		"config":           object{"on": true, "reachable": true},
		"name":             "Scene cycle",
		"type":             "CLIPGenericStatus",
		"modelid":          "PHWA01",
		"manufacturername": signify,
		"swversion":        "1.0",
		"uniqueid":         "WA0001",
		"recycle":          true,
	})
	return b
}

const signify = "Signify Netherlands B.V."

type object = map[string]any

// stamp is the present time as a bridge writes it.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05") }

// MotionSensor is a Hue motion sensor (SML001).
type MotionSensor struct {
	MAC         string  // 8 octets, "00:17:88:01:02:03:04:05"
	Name        string  // as the user gave it
	Temperature float64 // °C
	Motion      bool
	Lux         float64
	Battery     int // %
	Reachable   bool
	// NeverReported makes a sensor that was paired and has not been heard of since.
	NeverReported bool
	// Off makes a sensor that the user has switched off in the Hue app.
	Off bool
}

// SetMotionSensor adds a sensor, or replaces the one with its MAC, which keeps
// its ids: temperature, presence and light level in this order. Its three entries
// say that they were updated now.
func (b *Bridge) SetMotionSensor(s MotionSensor) {
	updated := stamp()
	var temperature, presence, level any = math.Round(s.Temperature * 100), s.Motion, lightLevel(s.Lux)
	if s.NeverReported {
		updated, temperature, presence, level = "none", nil, nil, nil
	}
	config := func(more object) object {
		all := object{
			"on": !s.Off, "battery": s.Battery, "reachable": s.Reachable,
			"alert": "none", "ledindication": false, "usertest": false, "pending": []string{},
		}
		for key, value := range more {
			all[key] = value
		}
		return all
	}
	entryOf := func(kind, name, product, endpoint string, state, config object) object {
		state["lastupdated"] = updated
		return object{
			"state":            state,
			"swupdate":         object{"state": "noupdates", "lastinstall": "2025-03-01T04:12:00"},
			"config":           config,
			"name":             name,
			"type":             kind,
			"modelid":          "SML001",
			"manufacturername": signify,
			"productname":      product,
			"swversion":        "6.1.1.27575",
			"uniqueid":         s.MAC + endpoint,
			"capabilities":     object{"certified": true, "primary": kind == "ZLLPresence"},
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(s.MAC, "ZLLTemperature", entryOf("ZLLTemperature", "Hue temperature sensor 1", "Hue temperature sensor", "-02-0402",
		object{"temperature": temperature}, config(nil)))
	b.put(s.MAC, "ZLLPresence", entryOf("ZLLPresence", s.Name, "Hue motion sensor", "-02-0406",
		object{"presence": presence}, config(object{"sensitivity": 2, "sensitivitymax": 2})))
	b.put(s.MAC, "ZLLLightLevel", entryOf("ZLLLightLevel", "Hue ambient light sensor 1", "Hue ambient light sensor", "-02-0400",
		object{"lightlevel": level, "dark": s.Lux < 40, "daylight": s.Lux >= 100}, config(object{"tholddark": 16000, "tholdoffset": 7000})))
}

// lightLevel is 10000 log10(lux) + 1, and 0 for darkness.
func lightLevel(lux float64) float64 {
	if lux <= 0 {
		return 0
	}
	return max(0, math.Round(10000*math.Log10(lux)+1))
}

// Switch is a dimmer, a dial or a tap.
type Switch struct {
	MAC         string // 8 octets
	Name        string
	Type        string // ZLLSwitch, ZLLRelativeRotary, or ZGPSwitch, which has no battery
	ButtonEvent int    // 1002: the first button was released
	Battery     int    // %
	Reachable   bool
}

// SetSwitch adds a switch, or replaces the entry with its MAC and type.
func (b *Bridge) SetSwitch(s Switch) {
	config := object{"on": true}
	model, endpoint := "ZGPSWITCH", "-f2"
	if s.Type != "ZGPSwitch" {
		config = object{"on": true, "battery": s.Battery, "reachable": s.Reachable, "pending": []string{}}
		model, endpoint = "RWL022", "-02-fc00"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(s.MAC, s.Type, object{
		"state":            object{"buttonevent": s.ButtonEvent, "lastupdated": stamp()},
		"config":           config,
		"name":             s.Name,
		"type":             s.Type,
		"modelid":          model,
		"manufacturername": signify,
		"swversion":        "2.45.2_hF4400CA",
		"uniqueid":         s.MAC + endpoint,
	})
}

// put stores an entry under the id that its MAC and kind have, or a new one.
func (b *Bridge) put(mac, kind string, o object) {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("huetest: %s %s: %v", kind, mac, err)) // a NaN, say
	}
	for id, e := range b.entries {
		if mac != "" && strings.EqualFold(e.mac, mac) && e.kind == kind {
			b.entries[id] = entry{mac, kind, text}
			return
		}
	}
	b.lastID++
	for b.taken(b.lastID) {
		b.lastID++
	}
	b.entries[strconv.Itoa(b.lastID)] = entry{mac, kind, text}
}

func (b *Bridge) taken(id int) bool {
	_, ok := b.entries[strconv.Itoa(id)]
	return ok
}

// RemoveSensor removes all entries of the device with this MAC.
func (b *Bridge) RemoveSensor(mac string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.entries {
		if mac != "" && strings.EqualFold(e.mac, mac) {
			delete(b.entries, id)
		}
	}
}

// SetRaw makes the entry with this id, which may be any text, be exactly this
// text, which should but need not be JSON. An empty text removes the entry; one
// that belongs to a device is mended when the device is set again.
func (b *Bridge) SetRaw(id, rawJSON string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rawJSON == "" {
		delete(b.entries, id)
		return
	}
	e := b.entries[id]
	e.json = json.RawMessage(rawJSON)
	b.entries[id] = e
}

// DeleteKey makes the bridge forget its key, as when the user deletes the app's
// access in the Hue app.
func (b *Bridge) DeleteKey() { b.setKeyDeleted(true) }

// RestoreKey makes the key good again.
func (b *Bridge) RestoreKey() { b.setKeyDeleted(false) }

func (b *Bridge) setKeyDeleted(deleted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keyDeleted = deleted
}

// Script has each of the next requests for all sensors answered by the next of
// these; nil means normally. It replaces what is left of an earlier script.
func (b *Bridge) Script(answers ...http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script = slices.Clone(answers)
}

// Requests is how many requests for all sensors there were, with any key,
// scripted ones included.
func (b *Bridge) Requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests
}

// ServeHTTP answers /api/config, /api/<key>/config, /api/<key>/sensors and
// /api/<key>/sensors/<id>; as on a real bridge, errors are lists with status 200.
func (b *Bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(strings.TrimRight(r.URL.Path, "/"), "/api")
	if !ok || path != "" && path[0] != '/' {
		http.NotFound(w, r)
		return
	}
	key, resource, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	resource = "/" + resource

	b.mu.Lock()
	var scripted http.HandlerFunc
	if resource == "/sensors" {
		b.requests++
		if len(b.script) > 0 {
			scripted, b.script = b.script[0], b.script[1:]
		}
	}
	known := key == b.username && !b.keyDeleted
	b.mu.Unlock()

	switch {
	case scripted != nil:
		scripted(w, r)
	case key == "" && r.Method == http.MethodPost:
		writeError(w, 101, "", "link button not pressed")
	case r.Method == http.MethodGet && (key == "config" && resource == "/" || resource == "/config" && !known):
		b.writeConfig(w, false)
	case !known:
		writeError(w, 1, resource, "unauthorized user")
	case r.Method != http.MethodGet:
		writeError(w, 4, resource, fmt.Sprintf("method, %s, not available for resource, %s", r.Method, resource))
	case resource == "/config":
		b.writeConfig(w, true)
	case resource == "/sensors":
		b.writeSensors(w)
	default:
		b.writeSensor(w, resource)
	}
}

// writeConfig tells what a bridge tells anybody, and more to who has the key.
func (b *Bridge) writeConfig(w http.ResponseWriter, known bool) {
	config := object{
		"name": "Hue Bridge", "datastoreversion": "172", "swversion": "1967054020", "apiversion": "1.67.0",
		"mac": macOf(b.id), "bridgeid": strings.ToUpper(b.id), "factorynew": false, "replacesbridgeid": nil,
		"modelid": "BSB002", "starterkitid": "",
	}
	if known {
		config["zigbeechannel"] = 20
		config["UTC"] = stamp()
		config["linkbutton"] = false
		config["whitelist"] = object{b.username: object{"name": "hueair2mqtt#test", "create date": stamp(), "last use date": stamp()}}
	}
	writeJSON(w, config)
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

func (b *Bridge) writeSensors(w http.ResponseWriter) {
	b.mu.Lock()
	ids := make([]string, 0, len(b.entries))
	for id := range b.entries {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	// Not through json.Marshal, which would refuse a raw entry that is no JSON.
	text := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		quoted, err := json.Marshal(id)
		if err != nil {
			panic(err) // a string always marshals
		}
		text = append(append(append(text, quoted...), ':'), b.entries[id].json...)
	}
	b.mu.Unlock()
	write(w, append(text, '}'))
}

func (b *Bridge) writeSensor(w http.ResponseWriter, resource string) {
	id, ok := strings.CutPrefix(resource, "/sensors/")
	b.mu.Lock()
	e, found := b.entries[id]
	b.mu.Unlock()
	if !ok || !found {
		writeError(w, 3, resource, fmt.Sprintf("resource, %s, not available", resource))
		return
	}
	write(w, e.json)
}

func writeError(w http.ResponseWriter, number int, address, description string) {
	writeJSON(w, []object{{"error": object{"type": number, "address": address, "description": description}}})
}

func writeJSON(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // made of texts, numbers and truths only
	}
	write(w, text)
}

func write(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	// A client that went away is no concern of the bridge's.
	_, _ = w.Write(text)
}
