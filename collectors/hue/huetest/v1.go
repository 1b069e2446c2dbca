package huetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

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
