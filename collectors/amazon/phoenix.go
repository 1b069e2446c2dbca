package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/wire"
)

const phoenixPath = "/api/phoenix/state"

// errNoEntity is the error if there is nothing to ask for.
var errNoEntity = errors.New(phoenixPath + " can't be asked, as the listing gave no entity id")

// stateRequest names a monitor to /api/phoenix/state.
type stateRequest struct {
	EntityID   string `json:"entityId"`
	EntityType string `json:"entityType"`
}

// readPhoenix reads monitors in one request. A monitor that is not in the response has
// no sample.
func (p *poll) readPhoenix(ctx context.Context, monitors []*monitor) (samples map[*monitor]*sample, err error) {
	var requests []stateRequest
	byEntity := make(map[string]*monitor, len(monitors))
	for _, m := range monitors {
		if m.entityID != "" {
			// As APPLIANCE, whatever its id, a monitor is a TargetApplianceNotFoundException.
			requests = append(requests, stateRequest{m.entityID, "ENTITY"})
			byEntity[m.entityID] = m
		}
	}
	if len(requests) == 0 {
		return nil, errNoEntity
	}
	q := account.Question{
		Path: phoenixPath, Purpose: fmt.Sprintf("reading %d monitors, the older way", len(requests)),
		Body: map[string]any{"stateRequests": requests},
	}
	err = p.ask(ctx, q, func(body []byte) (err error) {
		samples, err = parseStates(body, byEntity, time.Now(), p.found)
		return err
	})
	return samples, err
}

// parseStates reads a response of /api/phoenix/state.
func parseStates(body []byte, byEntity map[string]*monitor, now time.Time, found *wire.Faults) (map[*monitor]*sample, error) {
	var answer struct{ DeviceStates, Errors, Message json.RawMessage }
	if err := wire.Object(bytes.TrimSpace(body), &answer); err != nil {
		return nil, wire.Malformed("%v", err)
	}
	if wire.IsNull(answer.DeviceStates) && wire.IsNull(answer.Errors) {
		reason, err := wire.Text(answer.Message)
		if err != nil || reason == "" {
			return nil, wire.Malformed("neither deviceStates nor errors")
		}
		return nil, wire.Malformed("neither deviceStates nor errors, but the message %q", found.Text(reason))
	}
	samples := make(map[*monitor]*sample, len(byEntity))
	r := fieldReader{found: found, of: phoenixPath}
	for i, raw := range r.list("deviceStates", answer.DeviceStates) {
		var state struct{ Entity, CapabilityStates json.RawMessage }
		if err := wire.Object(raw, &state); err != nil {
			found.Add("device state %d: %v", i, err)
			continue
		}
		id, err := wire.TextAt(state.Entity, "entityId")
		m := monitorOf(fmt.Sprintf("device state %d", i), id, err, byEntity, samples, found)
		if m == nil {
			continue
		}
		s := newSample()
		of := fieldReader{found: found, of: "monitor " + m.label()}
		for _, raw := range of.list("capabilityStates", state.CapabilityStates) {
			if err := parseState(raw, m, s, now); err != nil {
				found.Add("monitor %s: capability state: %v", m.label(), err)
			}
		}
		samples[m] = s
		if !m.isAmazons() && m.instances == nil {
			found.Add("monitor %s: %s does not say what its ranges measure, so they are left out until GraphQL does", m.label(), phoenixPath)
		}
	}
	for i, raw := range r.list("errors", answer.Errors) {
		var failure struct{ Entity json.RawMessage }
		if err := wire.Object(raw, &failure); err != nil {
			found.Add("error %d of %s: %v", i, phoenixPath, err)
			continue
		}
		code, err := failureCode(raw)
		if err != nil {
			found.Add("error %d of %s: %v", i, phoenixPath, err)
			continue
		}
		if wire.IsThrottlingCode(code) {
			return nil, wire.Throttled(http.StatusOK, 0, "it answered the error "+found.Text(code))
		}
		id, err := wire.TextAt(failure.Entity, "entityId")
		m := byEntity[id]
		if err != nil || m == nil {
			found.Add("%s reported an error of something that was not asked for: %s", phoenixPath, found.Text(code))
			continue
		}
		s := samples[m]
		if s == nil {
			s = newSample()
			samples[m] = s
		}
		if !s.fail(failureOf(code)) {
			found.Add("monitor %s: error %s", m.label(), found.Text(code))
		}
	}
	return samples, nil
}

// parseState adds one capability state, which is JSON within a JSON text, to a sample.
func parseState(raw json.RawMessage, m *monitor, s *sample, now time.Time) error {
	if wire.Shape(raw) != "text" {
		return fmt.Errorf("%s where text belongs", wire.Shape(raw))
	}
	inner, err := wire.Text(raw)
	if err != nil {
		return err
	}
	var state struct{ Namespace, Name, Instance, Value, TimeOfSample json.RawMessage }
	if err := wire.Object(bytes.TrimSpace([]byte(inner)), &state); err != nil {
		return fmt.Errorf("within the text: %w", err)
	}
	namespace, err := wire.Text(state.Namespace)
	if err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	name, err := wire.Text(state.Name)
	if err != nil {
		return fmt.Errorf("name: %w", err)
	}
	var (
		of    meaning
		value float64
	)
	switch namespace + "/" + name {
	case "Alexa.EndpointHealth/connectivity":
		if err := s.setConnectivity(state.Value); err != nil {
			return fmt.Errorf("connectivity: %w", err)
		}
		return nil
	case "Alexa.TemperatureSensor/temperature":
		of.measurement = collectors.Temperature
		value, err = celsius(state.Value)
	case "Alexa.RangeController/rangeValue":
		instance, instanceErr := wire.Text(state.Instance)
		if instanceErr != nil {
			return fmt.Errorf("instance: %w", instanceErr)
		}
		var ok bool
		if of, ok = m.meaning(instance); !ok {
			return nil
		}
		value, err = of.value(state.Value)
	default:
		return nil
	}
	if err := s.take(of.measurement, value, err, state.TimeOfSample, now); err != nil {
		return fmt.Errorf("%s: %w", of.measurement, err)
	}
	return nil
}
