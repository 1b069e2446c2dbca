//go:build homeassistant

package homeassistant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"hueair2mqtt/test/harness"
)

// request sends a request to Home Assistant's REST API.
func (ha *hass) request(method, path string, body, answer any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ha.t.Context(), harness.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, ha.url+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+ha.token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s %s: %w in %s", method, path, err, text)
	}
	return nil
}

func (ha *hass) get(path string, answer any) error {
	return ha.request(http.MethodGet, path, nil, answer)
}

func (ha *hass) post(path string, body, answer any) {
	ha.t.Helper()
	if err := ha.request(http.MethodPost, path, body, answer); err != nil {
		ha.t.Fatal(err)
	}
}

// call sends a command to Home Assistant's WebSocket API.
func (ha *hass) call(command string, fields map[string]any, answer any) error {
	ctx, cancel := context.WithTimeout(ha.t.Context(), harness.Patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(ha.url, "http", "ws", 1)+"/api/websocket", nil)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)

	var message struct {
		Type    string
		ID      int
		Success bool
		Error   struct{ Code, Message string }
		Result  json.RawMessage
	}
	exchange := func(question any) error {
		if question != nil {
			if err := wsjson.Write(ctx, conn, question); err != nil {
				return err
			}
		}
		return wsjson.Read(ctx, conn, &message)
	}
	if err := exchange(nil); err != nil {
		return err
	}
	if err := exchange(map[string]any{"type": "auth", "access_token": ha.token}); err != nil {
		return err
	}
	if message.Type != "auth_ok" {
		return fmt.Errorf("Home Assistant does not take the token: %s", message.Type)
	}
	question := map[string]any{"id": 1, "type": command}
	maps.Copy(question, fields)
	if err := exchange(question); err != nil {
		return err
	}
	if message.Type != "result" || !message.Success {
		return fmt.Errorf("%s: %+v", command, message)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(message.Result, answer)
}

// press presses a button entity.
func (ha *hass) press(entityID string) {
	ha.t.Helper()
	ha.post("/api/services/button/press", map[string]any{"entity_id": entityID}, nil)
}

// state is a state as Home Assistant shows it.
type state struct {
	EntityID   string `json:"entity_id"`
	State      string
	Attributes map[string]any
}

// device is an entry of the device registry.
type device struct {
	ID           string
	Identifiers  [][]string
	Name         string
	Manufacturer string
	Model        string
	Software     string `json:"sw_version"`
	Serial       string `json:"serial_number"`
	Area         string `json:"area_id"` // its name, once it is in a registry
	Via          string `json:"via_device_id"`
}

// entity is an entry of the entity registry, with its state.
type entity struct {
	EntityID string `json:"entity_id"`
	UniqueID string `json:"unique_id"`
	Device   string `json:"device_id"` // its identifier, once it is in a registry
	Platform string
	Category string `json:"entity_category"`
	Disabled string `json:"disabled_by"`
	Name     string `json:"original_name"`

	state *state // nil: none, because it is disabled
}

// registry holds everything that Home Assistant has from MQTT.
type registry struct {
	devices  map[string]device // by identifier
	entities map[string]entity // by unique id
}

// registry reads the registries and the states. It returns an error if a device or an entity exists
// twice.
func (ha *hass) registry() (registry, error) {
	r := registry{make(map[string]device), make(map[string]entity)}
	var (
		devices  []device
		entities []entity
		states   []state
		areas    []struct {
			ID   string `json:"area_id"`
			Name string
		}
	)
	for command, answer := range map[string]any{
		"config/device_registry/list": &devices, "config/entity_registry/list": &entities,
		"config/area_registry/list": &areas, "get_states": &states,
	} {
		if err := ha.call(command, nil, answer); err != nil {
			return r, err
		}
	}
	areaName := make(map[string]string)
	for _, a := range areas {
		areaName[a.ID] = a.Name
	}
	stateOf := make(map[string]*state)
	for _, s := range states {
		stateOf[s.EntityID] = &s
	}
	identifier := make(map[string]string)
	for _, d := range devices {
		if len(d.Identifiers) > 0 && d.Identifiers[0][0] == "mqtt" {
			identifier[d.ID] = d.Identifiers[0][1]
		}
	}
	for _, d := range devices {
		id := identifier[d.ID]
		if id == "" {
			continue
		}
		if other, ok := r.devices[id]; ok {
			return r, fmt.Errorf("%s is there twice: %+v and %+v", id, other, d)
		}
		d.Area, d.Via = areaName[d.Area], identifier[d.Via]
		r.devices[id] = d
	}
	for _, e := range entities {
		if e.Platform != "mqtt" {
			continue
		}
		if other, ok := r.entities[e.UniqueID]; ok {
			return r, fmt.Errorf("%s is there twice: %+v and %+v", e.UniqueID, other, e)
		}
		e.Device, e.state = identifier[e.Device], stateOf[e.EntityID]
		r.entities[e.UniqueID] = e
	}
	return r, nil
}

// mustRegistry is registry for a test that does not wait.
func (ha *hass) mustRegistry() registry {
	ha.t.Helper()
	r, err := ha.registry()
	if err != nil {
		ha.t.Fatal(err)
	}
	return r
}

// uniqueID returns the bridge's unique_id of an entity.
func uniqueID(device, key string) string {
	if strings.HasPrefix(device, "hueair2mqtt_") {
		return device + "_" + key
	}
	return "hueair2mqtt_" + device + "_" + key
}

// names returns the entity ids by unique_id. They never change.
func (r registry) names() map[string]string {
	names := make(map[string]string)
	for id, e := range r.entities {
		names[id] = e.EntityID
	}
	return names
}

// state returns the state of an entity, "none" if it does not exist.
func (r registry) state(device, key string) string {
	if s := r.entities[uniqueID(device, key)].state; s != nil {
		return s.State
	}
	return "none"
}

// shows waits until an entity has a state.
func (ha *hass) shows(limit time.Duration, device, key, want string) {
	ha.t.Helper()
	within(ha.t, limit, device+" "+key+" is "+want, func() error {
		r, err := ha.registry()
		if err != nil {
			return err
		}
		if got := r.state(device, key); got != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
}
