package amazontest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// typed are the fields of an object that only its type has. A query must ask for them
// within "... on Type".
type typed struct {
	name   string
	fields map[string]any
}

// object is an object of the host's schema with all its fields.
type object struct {
	fields map[string]any
	typed  typed
}

// textObject wraps a text as the host does; an empty one is null.
func textObject(s string) any {
	if s == "" {
		return nil
	}
	return object{fields: map[string]any{"value": object{fields: map[string]any{"text": s}}}}
}

// serveGraphQL answers POST /nexus/v1/graphql: one operation as an object, or a
// batch as a list.
func (a *Account) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	var batch []json.RawMessage
	if json.Unmarshal(body, &batch) != nil {
		writeJSON(w, a.operation(body))
		return
	}
	answers := []any{}
	for _, one := range batch {
		answers = append(answers, a.operation(one))
	}
	writeJSON(w, answers)
}

func graphQLRefusal(message string) map[string]any {
	return map[string]any{
		"data": nil,
		"errors": []any{map[string]any{
			"message":    message,
			"extensions": map[string]any{"classification": "ValidationError"},
		}},
	}
}

func (a *Account) operation(raw json.RawMessage) map[string]any {
	var question struct {
		OperationName string
		Query         string
		Variables     struct{ EndpointIDs []string }
	}
	if err := json.Unmarshal(raw, &question); err != nil {
		return graphQLRefusal("the operation can't be read")
	}
	operation, err := parseQuery(question.Query)
	if err != nil {
		return graphQLRefusal(err.Error())
	}
	if question.OperationName != "" && question.OperationName != operation.name {
		return graphQLRefusal("there is no operation " + question.OperationName)
	}
	data := map[string]any{}
	for _, f := range operation.selection {
		root, err := a.resolve(f, question.Variables.EndpointIDs)
		if err == nil {
			data[f.alias], err = project(root, f)
		}
		if err != nil {
			return graphQLRefusal(err.Error())
		}
	}
	return map[string]any{"data": data}
}

// resolve returns the value of a field of the query itself.
func (a *Account) resolve(f field, ids []string) (any, error) {
	arguments := strings.Join(f.arguments, " ")
	var endpoints []any
	switch {
	case f.name != "listEndpoints":
		return nil, fmt.Errorf("field %s is undefined", f.name)
	case strings.Contains(arguments, "endpointIds : $ endpointIds"):
		for _, m := range a.sorted() {
			if slices.Contains(ids, m.EndpointID()) {
				endpoints = append(endpoints, m.state())
			}
		}
	case strings.Contains(arguments, `displayCategory : "AIR_QUALITY_MONITOR"`):
		for _, m := range a.sorted() {
			endpoints = append(endpoints, m.listing())
		}
	default:
		return nil, fmt.Errorf("listEndpointsInput names neither endpoints nor a category that this account has")
	}
	return object{fields: map[string]any{"endpoints": endpoints}}, nil
}

// listing returns the monitor as GraphQL lists it.
func (m Monitor) listing() object {
	entity, appliance := any(nil), any(nil)
	if m.EntityID != "" {
		entity = object{fields: map[string]any{"entityId": m.EntityID}}
	}
	if m.ApplianceID != "" {
		appliance = object{fields: map[string]any{"applianceId": m.ApplianceID}}
	}
	return object{fields: map[string]any{
		"id":                 m.EndpointID(),
		"friendlyNameObject": textObject(m.Name),
		"manufacturer":       textObject(m.maker()),
		"model":              textObject("Smart Air Quality Monitor"),
		"serialNumber":       textObject(m.Serial),
		"softwareVersion":    textObject("3.21.1"),
		"displayCategories": object{fields: map[string]any{
			"primary": object{fields: map[string]any{"value": "AIR_QUALITY_MONITOR"}},
		}},
		"legacyIdentifiers": object{fields: map[string]any{
			"dmsIdentifier":  object{fields: map[string]any{"deviceType": textObject(m.deviceType())}},
			"chrsIdentifier": entity,
		}},
		"legacyAppliance": appliance,
	}}
}

// state returns the monitor's readings with the configuration of its ranges, among
// features that clients do not know.
func (m Monitor) state() object {
	reachability, failure := "OK", any(nil)
	if !m.Reachable {
		reachability = "UNREACHABLE"
		failure = object{fields: map[string]any{"type": "ENDPOINT_UNREACHABLE", "message": "Unable to reach the endpoint."}}
	}
	property := func(kind, name string, failure any, fields map[string]any) object {
		fields["timeOfSample"] = m.stamp()
		return object{
			fields: map[string]any{"name": name, "type": "RETRIEVABLE", "accuracy": nil, "error": failure},
			typed:  typed{kind, fields},
		}
	}
	feature := func(name, instance string, configuration, operations any, properties ...any) object {
		var all any // null for a feature without properties
		if len(properties) > 0 {
			all = properties
		}
		return object{fields: map[string]any{
			"name": name, "instance": orNothing(instance), "properties": all, "configuration": configuration, "operations": operations,
		}}
	}
	var temperature any
	if m.Reachable {
		temperature = object{fields: map[string]any{"value": orNull(m.Temperature), "scale": m.Scale}}
	}
	features := []any{
		feature("toggle", "11", nil, operations("turnOn", "turnOff"), property("ToggleState", "toggleState", nil, map[string]any{"toggleStateValue": "ON"})),
		feature("temperatureSensor", "", nil, nil, property("TemperatureSensor", "temperature", failure, map[string]any{"value": temperature})),
		feature("lavaLamp", "4", nil, nil, property("LavaLevel", "rangeValue", nil, map[string]any{})),
		feature("softwareUpdate", "", nil, nil),
	}
	if !m.NoHealth {
		features = append(features,
			feature("connectivity", "", nil, nil, property("Reachability", "reachability", nil, map[string]any{"reachabilityStatusValue": reachability})),
			feature("endpointHealth", "", nil, nil))
	}
	for _, r := range m.ranges() {
		var value, settings any
		if m.Reachable {
			value = object{fields: map[string]any{"value": orNull(r.Value)}}
		}
		if r.Settable {
			settings = operations("setRangeValue", "adjustRangeValue")
		}
		features = append(features, feature("range", r.Instance, r.configuration(), settings,
			property("RangeValue", "rangeValue", failure, map[string]any{"rangeValue": value})))
	}
	return object{fields: map[string]any{"id": m.EndpointID(), "features": features}}
}

func operations(names ...string) any {
	var all []any
	for _, name := range names {
		all = append(all, object{fields: map[string]any{"name": name}})
	}
	return all
}

// project returns what a field's selection asks for.
func project(value any, f field) (any, error) {
	switch value := value.(type) {
	case []any:
		entries := make([]any, 0, len(value))
		for _, entry := range value {
			projected, err := project(entry, f)
			if err != nil {
				return nil, err
			}
			entries = append(entries, projected)
		}
		return entries, nil
	case object:
		if len(f.selection) == 0 {
			return nil, fmt.Errorf("field %s needs a selection of its fields", f.name)
		}
		return value.selected(f.selection)
	default:
		if len(f.selection) > 0 && value != nil {
			return nil, fmt.Errorf("field %s has no fields", f.name)
		}
		return value, nil
	}
}

func (o object) selected(selection []field) (map[string]any, error) {
	chosen := map[string]any{}
	for _, f := range selection {
		value, ok := o.fields[f.name]
		switch {
		case f.on != "" && f.on == o.typed.name:
			value, ok = o.typed.fields[f.name]
		case f.on != "":
			continue
		case f.name == "__typename":
			value, ok = o.typed.name, true
		}
		if !ok {
			return nil, fmt.Errorf("field %s is undefined", f.name)
		}
		projected, err := project(value, f)
		if err != nil {
			return nil, err
		}
		chosen[f.alias] = projected
	}
	return chosen, nil
}

// configuration returns the name and unit of a range, or null without a name.
func (r Range) configuration() any {
	if r.Name == "" {
		return nil
	}
	return object{typed: typed{"RangeConfiguration", map[string]any{
		"friendlyName": textObject(r.Name), "unitOfMeasure": textObject(r.Unit),
	}}}
}
