package amazontest

import (
	"net/http"
)

// smartHomeSkill is the skill whose entities are the devices of the home.
const smartHomeSkill = "amzn1.ask.1p.smarthome"

// serveEntities answers GET /api/behaviors/entities: everything that a routine can
// use, of which the monitors are a few.
func (a *Account) serveEntities(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("skillId") != smartHomeSkill || r.Header.Get("Routines-Version") == "" {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	entity := func(id, name, description, category, kind, availability string, devices any) map[string]any {
		return map[string]any{
			"id": id, "displayName": name, "description": description, "availability": availability,
			"supportedOperations": []any{"Alexa.SmartHome.turnOn"}, "supportedTriggers": nil,
			"providerData": map[string]any{"enabled": true, "categoryType": category, "deviceType": kind, "dmsDeviceIdentifiers": devices},
		}
	}
	entities := []any{
		entity("1b1e0f00-0000-4000-8000-00000000c0de", "Downstairs", "", "GROUP", "", "AVAILABLE", nil),
		entity("1b1e0f00-0000-4000-8000-0000000011fe", "Lamp", "Philips Hue lamp", "APPLIANCE", "LIGHT", "AVAILABLE", []any{}),
	}
	for _, m := range a.sorted() {
		if m.EntityID == "" {
			continue
		}
		description, devices, availability := "Amazon Indoor Air Quality Monitor", any(nil), "AVAILABLE"
		if m.maker() != "Amazon" {
			description = m.maker() + " monitor"
		}
		if m.Serial != "" {
			devices = []any{map[string]any{"deviceSerialNumber": m.Serial, "deviceType": orNothing(m.deviceType())}}
		}
		if !m.Reachable {
			availability = "UNAVAILABLE"
		}
		entities = append(entities, entity(m.EntityID, m.Name, description, "APPLIANCE", "AIR_QUALITY_MONITOR", availability, devices))
	}
	writeJSON(w, entities)
}
