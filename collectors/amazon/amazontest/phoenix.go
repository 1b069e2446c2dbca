package amazontest

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
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
		failure := func(code string, message any) {
			failures = append(failures, map[string]any{
				"entity": map[string]any{"entityId": request.EntityID, "entityType": ""}, "code": code, "message": message, "data": nil,
			})
		}
		i := slices.IndexFunc(monitors, func(m Monitor) bool { return m.EntityID != "" && m.EntityID == request.EntityID })
		switch {
		// A monitor is no appliance, whichever of its ids is given.
		case request.EntityType != "ENTITY", i < 0:
			failure("TargetApplianceNotFoundException", "No appliance found for target!")
		case !monitors[i].Reachable:
			failure("ENDPOINT_UNREACHABLE", nil)
		default:
			states = append(states, map[string]any{
				"entity":           map[string]any{"entityId": request.EntityID, "entityType": "ENTITY"},
				"capabilityStates": monitors[i].capabilityStates(),
			})
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
	add(map[string]any{"namespace": "Alexa.ToggleController", "name": "toggleState", "instance": "11", "value": "ON"})
	add(map[string]any{"namespace": "Alexa.LavaLamp", "name": "rangeValue", "instance": "4", "value": 3})
	if !m.NoHealth {
		add(map[string]any{
			"namespace": "Alexa.EndpointHealth", "name": "connectivity", "value": map[string]any{"value": "OK"},
		})
	}
	if !math.IsNaN(m.Temperature) {
		add(map[string]any{
			"namespace": "Alexa.TemperatureSensor", "name": "temperature",
			"value": map[string]any{"value": orNull(m.Temperature), "scale": m.Scale},
		})
	}
	for _, r := range m.ranges() {
		add(map[string]any{
			"namespace": "Alexa.RangeController", "name": "rangeValue", "instance": r.Instance, "value": orNull(r.Value),
		})
	}
	return states
}
