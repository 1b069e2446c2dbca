package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"hueair2mqtt/collectors"
)

// entitiesPath lists what routines of the account can use of its smart home. It has
// all that /api/phoenix/state needs, but no endpoint ids.
const entitiesPath = "/api/behaviors/entities?skillId=amzn1.ask.1p.smarthome"

// routinesVersion is sent with entitiesPath, as alexa-remote2 8.1.1 and the openHAB
// binding do.
const routinesVersion = "3.0.264101"

// monitorDescription is what it says of Amazon's own monitor, whose manufacturer it
// does not give.
const monitorDescription = "Amazon Indoor Air Quality Monitor"

// listEntities asks for the monitors where the present way fails.
func (c *Collector) listEntities(ctx context.Context, retry *collectors.Retrier, found *faults) ([]*monitor, error) {
	var monitors []*monitor
	err := c.ask(ctx, retry, http.MethodGet, entitiesPath, "listing the monitors among the entities", nil, func(body []byte) (err error) {
		monitors, err = parseEntities(body, found)
		return err
	})
	return monitors, err
}

// parseEntities takes an answer of entitiesPath apart.
func parseEntities(body []byte, found *faults) ([]*monitor, error) {
	raw := json.RawMessage(bytes.TrimSpace(body))
	if shape(raw) == "an object" {
		var answer struct{ Entities json.RawMessage }
		if err := object(raw, &answer); err != nil {
			return nil, malformed("%v", err)
		}
		raw = answer.Entities
	}
	entries, err := list(raw)
	if err != nil {
		return nil, malformed("entities: %v", err)
	}
	var monitors []*monitor
	for i, raw := range entries {
		var entity struct{ ID, DisplayName, Description, SerialNumber, DeviceType, ProviderData json.RawMessage }
		if err := object(raw, &entity); err != nil {
			found.add("listed entity %d: %v", i, err)
			continue
		}
		r := fieldReader{found: found, of: fmt.Sprintf("listed entity %d", i)}
		var provider struct{ CategoryType, DeviceType, DmsDeviceIdentifiers json.RawMessage }
		if !isNull(entity.ProviderData) {
			if err := object(entity.ProviderData, &provider); err != nil {
				found.add("listed entity %d: providerData: %v", i, err)
				continue
			}
		}
		description := r.text("description", entity.Description)
		kinds := []string{r.text("deviceType", provider.DeviceType), r.text("deviceType", entity.DeviceType)}
		if !slices.Contains(kinds, monitorType) && description != monitorDescription || r.text("categoryType", provider.CategoryType) == "GROUP" {
			continue
		}
		m := &monitor{
			entityID: r.id("id", entity.ID),
			name:     r.text("displayName", entity.DisplayName),
			serial:   r.text("serialNumber", entity.SerialNumber),
		}
		if description == monitorDescription {
			m.manufacturer = amazonsName
		}
		for _, raw := range r.list("dmsDeviceIdentifiers", provider.DmsDeviceIdentifiers) {
			if serial := r.text("dmsDeviceIdentifiers", raw, "deviceSerialNumber"); serial != "" {
				m.serial, m.deviceType = serial, r.text("dmsDeviceIdentifiers", raw, "deviceType")
				break
			}
		}
		monitors = appendMonitor(monitors, found, i, m)
	}
	return monitors, nil
}
