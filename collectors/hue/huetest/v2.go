package huetest

import (
	"net/http"
	"strings"
)

// keyHeader is the header field with the key in CLIP v2.
const keyHeader = "hue-application-key"

// resourceTypes are those that a bridge knows; others are not found.
var resourceTypes = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`
		behavior_instance behavior_script bell_button bridge bridge_home button camera_motion clip contact
		convenience_area_motion device device_power device_software_update entertainment
		entertainment_configuration geofence_client geolocation grouped_light grouped_light_level
		grouped_motion homekit light light_level matter matter_fabric motion motion_area_candidate
		motion_area_configuration public_image relative_rotary room scene security_area_motion
		service_group smart_scene speaker tamper temperature wifi_connectivity zgp_connectivity
		zigbee_connectivity zigbee_device_discovery zone`) {
		resourceTypes[name] = true
	}
}

// permits reports whether the request has a valid key, and answers it otherwise.
func (b *Bridge) permits(w http.ResponseWriter, r *http.Request) bool {
	b.mu.Lock()
	known := b.knows(r.Header.Get(keyHeader))
	b.mu.Unlock()
	if !known {
		page(w, http.StatusForbidden)
	}
	return known
}

// serveAuth answers whether the key is good.
func (b *Bridge) serveAuth(w http.ResponseWriter, r *http.Request) {
	if b.permits(w, r) {
		w.Header().Set("Hue-Application-Id", uuid(r.Header.Get(keyHeader)))
	}
}

func (b *Bridge) serveV2(w http.ResponseWriter, r *http.Request) {
	if !b.permits(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/clip/v2/resource")
	switch {
	case !ok || path != "" && path[0] != '/' || strings.HasSuffix(path, "/"):
		writeV2Error(w, http.StatusNotFound)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		writeV2Error(w, http.StatusMethodNotAllowed)
	default:
		kind, id, one := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		text := b.v2Text(kind, id, one)
		if text == nil {
			writeV2Error(w, http.StatusNotFound)
			return
		}
		write(w, http.StatusOK, text)
	}
}

// v2Text is the answer with all resources, all of a kind, or one; nil if there is
// no such kind or resource.
func (b *Bridge) v2Text(kind, id string, one bool) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := []byte(`{"errors":[],"data":[`)
	start := len(text)
	add := func(r *resource) {
		if len(text) > start {
			text = append(text, ',')
		}
		text = append(text, r.json()...)
	}
	switch {
	case one:
		r := b.resources[id]
		if r == nil || r.kind != kind {
			return nil
		}
		add(r)
	case kind != "" && !resourceTypes[kind]:
		return nil
	default:
		for _, id := range b.order {
			if r := b.resources[id]; kind == "" || r.kind == kind {
				add(r)
			}
		}
	}
	return append(text, "]}"...)
}
