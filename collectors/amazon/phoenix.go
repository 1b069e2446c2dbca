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
)

const phoenixPath = "/api/phoenix/state"

// errNoEntity says that nothing could be asked.
var errNoEntity = errors.New(phoenixPath + " can't be asked, as the listing gave no entity id")

// stateRequest names a monitor to /api/phoenix/state.
type stateRequest struct {
	EntityID   string `json:"entityId"`
	EntityType string `json:"entityType"`
}

// readPhoenix reads the given monitors in one request. A monitor that the answer
// says nothing of has no sample.
func (c *Collector) readPhoenix(ctx context.Context, retry *collectors.Retrier, monitors []*monitor, found *faults) (map[*monitor]*sample, error) {
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
	question := struct {
		StateRequests []stateRequest `json:"stateRequests"`
	}{requests}
	var samples map[*monitor]*sample
	what := fmt.Sprintf("reading %d monitors, the older way", len(requests))
	err := c.post(ctx, retry, phoenixPath, what, question, func(body []byte) (err error) {
		samples, err = parseStates(body, byEntity, time.Now(), found)
		return err
	})
	return samples, err
}

// parseStates takes an answer of /api/phoenix/state apart.
func parseStates(body []byte, byEntity map[string]*monitor, now time.Time, found *faults) (map[*monitor]*sample, error) {
	var answer struct{ DeviceStates, Errors, Message json.RawMessage }
	if err := object(bytes.TrimSpace(body), &answer); err != nil {
		return nil, malformed("%v", err)
	}
	if isNull(answer.DeviceStates) && isNull(answer.Errors) {
		reason, err := text(answer.Message)
		if err != nil || reason == "" {
			return nil, malformed("neither deviceStates nor errors")
		}
		return nil, malformed("neither deviceStates nor errors, but the message %q", found.text(reason))
	}
	samples := make(map[*monitor]*sample, len(byEntity))
	r := fieldReader{found: found, of: phoenixPath}
	for i, raw := range r.list("deviceStates", answer.DeviceStates) {
		var state struct{ Entity, CapabilityStates json.RawMessage }
		if err := object(raw, &state); err != nil {
			found.add("device state %d: %v", i, err)
			continue
		}
		id, err := textAt(state.Entity, "entityId")
		if err != nil {
			found.add("device state %d: entity: %v", i, err)
			continue
		}
		m := byEntity[id]
		switch {
		case m == nil:
			if id == "" {
				found.add("device state %d: it has no entity id", i)
			}
			continue // others were not asked for
		case samples[m] != nil:
			found.add("monitor %s is in the answer more than once: only the first is taken", m.label())
			continue
		}
		s := newSample()
		of := fieldReader{found: found, of: "monitor " + m.label()}
		for _, raw := range of.list("capabilityStates", state.CapabilityStates) {
			if err := parseState(raw, m, s, now); err != nil {
				found.add("monitor %s: capability state: %v", m.label(), err)
			}
		}
		samples[m] = s
		if !m.isAmazons() && m.instances == nil {
			found.add("monitor %s: %s does not say what its ranges measure, so they are left out until GraphQL does", m.label(), phoenixPath)
		}
	}
	for i, raw := range r.list("errors", answer.Errors) {
		var failure struct{ Entity json.RawMessage }
		if err := object(raw, &failure); err != nil {
			found.add("error %d of %s: %v", i, phoenixPath, err)
			continue
		}
		code, err := failureCode(raw)
		if err != nil {
			found.add("error %d of %s: %v", i, phoenixPath, err)
			continue
		}
		if throttlingCode.MatchString(code) {
			return nil, throttled(http.StatusOK, 0, "it answered the error "+found.text(code))
		}
		id, err := textAt(failure.Entity, "entityId")
		m := byEntity[id]
		if err != nil || m == nil {
			found.add("%s told an error of nothing that was asked for: %s", phoenixPath, found.text(code))
			continue
		}
		s := samples[m]
		if s == nil {
			s = newSample()
			samples[m] = s
		}
		if !s.fail(failureOf(code)) {
			found.add("monitor %s: error %s", m.label(), found.text(code))
		}
	}
	return samples, nil
}

// parseState takes one capability state, which is JSON within a JSON text, into
// a sample.
func parseState(raw json.RawMessage, m *monitor, s *sample, now time.Time) error {
	if shape(raw) != "text" {
		return fmt.Errorf("%s where text belongs", shape(raw))
	}
	inner, err := text(raw)
	if err != nil {
		return err
	}
	var state struct{ Namespace, Name, Instance, Value, TimeOfSample json.RawMessage }
	if err := object(bytes.TrimSpace([]byte(inner)), &state); err != nil {
		return fmt.Errorf("within the text: %w", err)
	}
	namespace, err := text(state.Namespace)
	if err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	name, err := text(state.Name)
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
		instance, instanceErr := text(state.Instance)
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
	s.see(of.measurement)
	if err == nil {
		s.set(of.measurement, value)
		err = s.setTime(state.TimeOfSample, now)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", of.measurement, err)
	}
	return nil
}
