package amazontest

import (
	"encoding/json"
	"math"
	"net/http"
)

// servePhoenix answers POST /api/phoenix/state.
func (a *Account) servePhoenix(w http.ResponseWriter, r *http.Request) {
	var question struct {
		StateRequests []struct{ EntityID, EntityType string }
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil || len(question.StateRequests) == 0 {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	var (
		monitors = a.sorted()
		states   = []any{}
		failures = []any{}
	)
	for _, request := range question.StateRequests {
		entity := map[string]any{"entityId": request.EntityID, "entityType": request.EntityType}
		failure := func(code, message string) {
			failures = append(failures, map[string]any{"entity": entity, "code": code, "message": message})
		}
		monitor, found := Monitor{}, false
		for _, m := range monitors {
			id := map[string]string{"ENTITY": m.EntityID, "APPLIANCE": m.ApplianceID}[request.EntityType]
			if id != "" && id == request.EntityID {
				monitor, found = m, true
			}
		}
		switch {
		case !found:
			failure("NOT_FOUND", "There is no such entity.")
		case !monitor.Reachable:
			failure("ENDPOINT_UNREACHABLE", "Unable to reach the endpoint.")
		default:
			states = append(states, map[string]any{"entity": entity, "capabilityStates": monitor.capabilityStates()})
		}
	}
	writeJSON(w, map[string]any{"deviceStates": states, "errors": failures})
}

// capabilityStates are JSON texts within JSON, as the host has them.
func (m Monitor) capabilityStates() []string {
	var states []string
	add := func(state map[string]any) {
		state["timeOfSample"] = m.stamp()
		state["uncertaintyInMilliseconds"] = 60000
		text, err := json.Marshal(state)
		if err != nil {
			panic(err) // made of texts and finite numbers
		}
		states = append(states, string(text))
	}
	add(map[string]any{
		"namespace": "Alexa.EndpointHealth", "name": "connectivity", "value": map[string]any{"value": "OK"},
	})
	if !math.IsNaN(m.Temperature) {
		add(map[string]any{
			"namespace": "Alexa.TemperatureSensor", "name": "temperature",
			"value": map[string]any{"value": orNull(m.Temperature), "scale": m.Scale},
		})
	}
	for _, r := range m.ranges() {
		add(map[string]any{
			"namespace": "Alexa.RangeController", "name": "rangeValue", "instance": r.instance, "value": orNull(r.value),
		})
	}
	return states
}
