package amazon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hueair2mqtt/collectors/amazon/wire"
)

// readingsQuery reads the monitors with the ids in $endpointIds.
const readingsQuery = `query getEndpointState($endpointIds: [String]!) {
  listEndpoints(listEndpointsInput: {latencyTolerance: LOW, endpointIds: $endpointIds, includeHouseholdDevices: true}) {
    endpoints {
      id
      features {
        name
        instance
        operations { name }
        configuration { ... on RangeConfiguration { friendlyName { value { text } } unitOfMeasure { value { text } } } }
        properties {
          name
          error { type message }
          ... on TemperatureSensor { value { value scale } timeOfSample }
          ... on RangeValue { rangeValue { value } timeOfSample }
          ... on Reachability { reachabilityStatusValue timeOfSample }
        }
      }
    }
  }
}`

// readGraphQL reads all monitors that have an endpoint id, in one request. A monitor that is
// not in the response has no sample.
func (p *poll) readGraphQL(ctx context.Context, monitors []*monitor) (samples map[*monitor]*sample, err error) {
	byEndpoint := make(map[string]*monitor, len(monitors))
	var ids []string
	for _, m := range monitors {
		if m.endpointID != "" && byEndpoint[m.endpointID] == nil {
			byEndpoint[m.endpointID] = m
			ids = append(ids, m.endpointID)
		}
	}
	if len(ids) == 0 {
		return map[*monitor]*sample{}, nil
	}
	purpose := fmt.Sprintf("reading %d monitors", len(ids))
	variables := map[string]any{"endpointIds": ids}
	err = p.graphQL(ctx, purpose, "getEndpointState", readingsQuery, variables, func(endpoints []json.RawMessage) {
		samples = parseReadings(endpoints, byEndpoint, time.Now(), p.found)
	})
	return samples, err
}

// parseReadings reads the endpoints of a response to readingsQuery.
func parseReadings(endpoints []json.RawMessage, byEndpoint map[string]*monitor, now time.Time, found *wire.Faults) map[*monitor]*sample {
	samples := make(map[*monitor]*sample, len(byEndpoint))
	for i, raw := range endpoints {
		if wire.IsNull(raw) {
			continue // an endpoint that failed
		}
		var entry struct{ ID, EndpointID, Features json.RawMessage }
		if err := wire.Object(raw, &entry); err != nil {
			found.Add("endpoint %d: %v", i, err)
			continue
		}
		if wire.IsNull(entry.ID) {
			entry.ID = entry.EndpointID
		}
		id, err := wire.Text(entry.ID)
		m := monitorOf(fmt.Sprintf("endpoint %d", i), id, err, byEndpoint, samples, found)
		if m == nil {
			continue
		}
		features, err := wire.Objects[feature](entry.Features, func(err error) {
			found.Add("monitor %s: feature: %v", m.label(), err)
		})
		if err != nil {
			found.Add("monitor %s: features: %v", m.label(), err)
			continue
		}
		s := newSample()
		m.learn(features, found)
		for _, feature := range features {
			parseFeature(feature, m, s, now, found)
		}
		samples[m] = s
	}
	return samples
}
