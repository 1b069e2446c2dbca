package amazon

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// monitorType is the display category of Alexa.
const monitorType = "AIR_QUALITY_MONITOR"

// listingQuery lists the monitors as the Alexa app does now.
const listingQuery = `query listAirQualityMonitors {
  listEndpoints(listEndpointsInput: {displayCategory: "AIR_QUALITY_MONITOR", includeHouseholdDevices: true}) {
    endpoints {
      id
      friendlyNameObject { value { text } }
      manufacturer { value { text } }
      model { value { text } }
      serialNumber { value { text } }
      softwareVersion { value { text } }
      displayCategories { primary { value } }
      legacyIdentifiers {
        dmsIdentifier { deviceType { value { text } } }
        chrsIdentifier { entityId }
      }
    }
  }
}`

// listGraphQL asks for the monitors by GraphQL.
func (p *poll) listGraphQL(ctx context.Context) (monitors []*monitor, err error) {
	err = p.graphQL(ctx, "listing the monitors", "listAirQualityMonitors", listingQuery, struct{}{}, func(endpoints []json.RawMessage) {
		monitors = parseListing(endpoints, p.found)
	})
	return monitors, err
}

func parseListing(endpoints []json.RawMessage, found *wire.Faults) []*monitor {
	var monitors []*monitor
	for i, raw := range endpoints {
		var entry struct {
			ID, EndpointID, FriendlyNameObject, Manufacturer, Model, SerialNumber, SoftwareVersion,
			DisplayCategories, LegacyIdentifiers json.RawMessage
		}
		if err := wire.Object(raw, &entry); err != nil {
			found.Add("listed endpoint %d: %v", i, err)
			continue
		}
		if wire.IsNull(entry.ID) {
			entry.ID = entry.EndpointID
		}
		r := fieldReader{found: found, of: fmt.Sprintf("listed endpoint %d", i)}
		if category := r.text("displayCategories", entry.DisplayCategories, "primary", "value"); category != "" && category != monitorType {
			continue // the query did not ask for it
		}
		monitors = appendMonitor(monitors, found, i, &monitor{
			endpointID:      r.id("id", entry.ID),
			entityID:        r.id("legacyIdentifiers", entry.LegacyIdentifiers, "chrsIdentifier", "entityId"),
			deviceType:      r.text("legacyIdentifiers", entry.LegacyIdentifiers, "dmsIdentifier", "deviceType", "value", "text"),
			serial:          r.text("serialNumber", entry.SerialNumber, "value", "text"),
			name:            r.text("friendlyNameObject", entry.FriendlyNameObject, "value", "text"),
			manufacturer:    r.text("manufacturer", entry.Manufacturer, "value", "text"),
			model:           r.text("model", entry.Model, "value", "text"),
			softwareVersion: r.text("softwareVersion", entry.SoftwareVersion, "value", "text"),
		})
	}
	return monitors
}

// appendMonitor adds a monitor that can be identified.
func appendMonitor(monitors []*monitor, found *wire.Faults, i int, m *monitor) []*monitor {
	if !m.identify() {
		found.Add("listed endpoint %d: left out, as it has no serial number, entity id or endpoint id", i)
		return monitors
	}
	m.measures = map[collectors.Measurement]bool{}
	return append(monitors, m)
}

// merge returns the listed monitors, completed by what is known of them: above all their
// ids, so that a monitor whose serial number is missing once does not become another
// device.
func merge(known, listed []*monitor, found *wire.Faults) []*monitor {
	taken := map[string]bool{}
	var monitors []*monitor
	for _, m := range listed {
		for _, old := range known {
			if m.isSame(old) {
				m.inherit(old)
				break
			}
		}
		if taken[m.id] {
			found.Add("monitor %s is listed more than once: only the first is taken", m.label())
			continue
		}
		taken[m.id] = true
		monitors = append(monitors, m)
	}
	slices.SortFunc(monitors, func(a, b *monitor) int { return strings.Compare(a.id, b.id) })
	return monitors
}
