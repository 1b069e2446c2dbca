package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/wire"
)

// entitiesPath lists the smart home devices that routines of the account can use. It
// has all that /api/phoenix/state needs, but no endpoint ids.
const entitiesPath = "/api/behaviors/entities?skillId=amzn1.ask.1p.smarthome"

// routinesVersion is sent with entitiesPath, as alexa-remote2 8.1.1 and the openHAB
// binding do.
const routinesVersion = "3.0.264101"

// monitorDescription is the description of Amazon's own monitor, whose manufacturer is
// missing here.
const monitorDescription = "Amazon Indoor Air Quality Monitor"

// listEntities asks for the monitors where GraphQL fails.
func (p *poll) listEntities(ctx context.Context) (monitors []*monitor, err error) {
	q := account.Question{
		Path: entitiesPath, Purpose: "listing the monitors among the entities", Header: http.Header{"Routines-Version": {routinesVersion}},
	}
	err = p.ask(ctx, q, func(body []byte) (err error) {
		monitors, err = parseEntities(body, p.found)
		return err
	})
	return monitors, err
}

// parseEntities reads a response of entitiesPath.
func parseEntities(body []byte, found *wire.Faults) ([]*monitor, error) {
	raw := json.RawMessage(bytes.TrimSpace(body))
	if wire.Shape(raw) == "an object" {
		var answer struct{ Entities json.RawMessage }
		if err := wire.Object(raw, &answer); err != nil {
			return nil, wire.Malformed("%v", err)
		}
		raw = answer.Entities
	}
	entries, err := wire.List(raw)
	if err != nil {
		return nil, wire.Malformed("entities: %v", err)
	}
	var monitors []*monitor
	for i, raw := range entries {
		var entity struct{ ID, DisplayName, Description, SerialNumber, DeviceType, ProviderData json.RawMessage }
		if err := wire.Object(raw, &entity); err != nil {
			found.Add("listed entity %d: %v", i, err)
			continue
		}
		r := fieldReader{found: found, of: fmt.Sprintf("listed entity %d", i)}
		var provider struct{ CategoryType, DeviceType, DmsDeviceIdentifiers json.RawMessage }
		if !wire.IsNull(entity.ProviderData) {
			if err := wire.Object(entity.ProviderData, &provider); err != nil {
				found.Add("listed entity %d: providerData: %v", i, err)
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
