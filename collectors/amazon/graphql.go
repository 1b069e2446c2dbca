package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"hueair2mqtt/collectors"
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

// graphQLQuestion is the body of a GraphQL request.
type graphQLQuestion struct {
	OperationName string `json:"operationName"`
	Variables     any    `json:"variables"`
	Query         string `json:"query"`
}

// readGraphQL reads all monitors that have an endpoint id, in one request. The
// samples lack the monitors that the answer says nothing of.
func (c *Collector) readGraphQL(ctx context.Context, retry *collectors.Retrier, found *faults) (map[*monitor]*sample, error) {
	byEndpoint := make(map[string]*monitor, len(c.monitors))
	ids := make([]string, 0, len(c.monitors))
	for _, m := range c.monitors {
		if m.endpointID != "" && byEndpoint[m.endpointID] == nil {
			byEndpoint[m.endpointID] = m
			ids = append(ids, m.endpointID)
		}
	}
	if len(ids) == 0 {
		return map[*monitor]*sample{}, nil
	}
	question := graphQLQuestion{
		OperationName: "getEndpointState",
		Query:         readingsQuery,
		Variables:     map[string]any{"endpointIds": ids},
	}
	var samples map[*monitor]*sample
	what := fmt.Sprintf("reading %d monitors", len(ids))
	err := c.post(ctx, retry, graphQLPath, what, question, func(body []byte) (err error) {
		samples, err = parseReadings(body, byEndpoint, time.Now(), found)
		return err
	})
	return samples, err
}

// parseReadings takes an answer to readingsQuery apart.
func parseReadings(body []byte, byEndpoint map[string]*monitor, now time.Time, found *faults) (map[*monitor]*sample, error) {
	entries, err := graphQLList(body, found, "listEndpoints", "endpoints")
	if err != nil {
		return nil, err
	}
	samples := make(map[*monitor]*sample, len(byEndpoint))
	for i, raw := range entries {
		if isNull(raw) {
			continue // GraphQL's word for an endpoint that failed; it is missing then
		}
		var entry struct{ ID, EndpointID, Features json.RawMessage }
		if err := object(raw, &entry); err != nil {
			found.add("endpoint %d: %v", i, err)
			continue
		}
		if isNull(entry.ID) {
			entry.ID = entry.EndpointID
		}
		id, err := text(entry.ID)
		if err != nil {
			found.add("endpoint %d: id: %v", i, err)
			continue
		}
		m := byEndpoint[id]
		switch {
		case m == nil:
			if id == "" {
				found.add("endpoint %d: it has no id", i)
			}
			continue // others were not asked for
		case samples[m] != nil:
			found.add("monitor %s is in the answer more than once: only the first is taken", m.label())
			continue
		}
		features, err := objects[feature](entry.Features, func(err error) {
			found.add("monitor %s: feature: %v", m.label(), err)
		})
		if err != nil {
			found.add("monitor %s: features: %v", m.label(), err)
			continue
		}
		s := newSample()
		m.learn(features, found)
		for _, feature := range features {
			parseFeature(feature, m, s, now, found)
		}
		samples[m] = s
	}
	return samples, nil
}

// feature is one of a monitor's features, and property one of a feature's
// properties, with the fields of each that are read.
type (
	feature  struct{ Name, Instance, Operations, Configuration, Properties json.RawMessage }
	property struct {
		Name, Error, Value, RangeValue, ReachabilityStatusValue, TimeOfSample json.RawMessage
	}
)

// parseFeature takes one feature of a monitor into its sample.
func parseFeature(f *feature, m *monitor, s *sample, now time.Time, found *faults) {
	name, err := text(f.Name)
	if err != nil {
		found.add("monitor %s: name of a feature: %v", m.label(), err)
		return
	}
	var (
		of     meaning
		wanted string // the property that holds the value
	)
	switch name {
	case "temperatureSensor":
		of.measurement, wanted = collectors.Temperature, "temperature"
	case "range":
		instance, err := text(f.Instance)
		if err != nil {
			found.add("monitor %s: instance of a range: %v", m.label(), err)
			return
		}
		var ok bool
		if of, ok = m.meaning(instance); !ok {
			return
		}
		wanted = "rangeValue"
	case "connectivity":
		wanted = "reachability"
	default:
		return
	}
	broken := func(err error) {
		what := string(of.measurement)
		if what == "" {
			what = "connectivity"
		}
		found.add("monitor %s: %s: %v", m.label(), what, err)
	}
	properties, err := objects[property](f.Properties, broken)
	if err != nil {
		found.add("monitor %s: properties of %s: %v", m.label(), name, err)
		return
	}
	for _, p := range properties {
		if err := parseProperty(p, wanted, of, s, now, found); err != nil {
			broken(err)
		}
	}
}

// parseProperty takes one property into a sample, if it is the wanted one. No
// measurement is the connectivity.
func parseProperty(p *property, wanted string, of meaning, s *sample, now time.Time, found *faults) error {
	measurement := of.measurement
	if name, err := text(p.Name); err != nil || (name != "" && name != wanted) {
		return err
	}
	if !isNull(p.Error) {
		code, err := failureCode(p.Error)
		if err != nil {
			return err
		}
		failure := failureOf(code)
		if measurement != "" && failure != failureNotFound {
			s.see(measurement)
		}
		if !s.fail(failure) {
			return fmt.Errorf("error %s", found.text(code))
		}
		return nil
	}
	var (
		value float64
		err   error
	)
	switch wanted {
	case "reachability":
		return s.setConnectivity(p.ReachabilityStatusValue)
	case "temperature":
		value, err = celsius(p.Value)
	default:
		value, err = of.value(p.RangeValue)
	}
	s.see(measurement)
	if err != nil {
		return err
	}
	s.set(measurement, value)
	return s.setTime(p.TimeOfSample, now)
}

// failureCode is the type of {"type": ..., "message": ...}, or else its message.
func failureCode(raw json.RawMessage) (string, error) {
	if shape(raw) != "an object" {
		code, err := text(raw)
		if err != nil {
			return "", fmt.Errorf("error: %w", err)
		}
		return code, nil
	}
	var failure struct{ Type, Code, Message json.RawMessage }
	if err := object(raw, &failure); err != nil {
		return "", err
	}
	for _, field := range []json.RawMessage{failure.Type, failure.Code, failure.Message} {
		if code, err := text(field); err == nil && code != "" {
			return code, nil
		}
	}
	return "no reason given", nil
}

// graphQLList takes the list at data.<field>.<entries> out of an answer, which
// may be the only element of a list, as for a batch. Errors of GraphQL are the
// answer's error where they came instead of data, and faults where they came
// beside it.
func graphQLList(body []byte, found *faults, field, entries string) ([]json.RawMessage, error) {
	raw := json.RawMessage(bytes.TrimSpace(body))
	if shape(raw) == "a list" {
		batch, err := list(raw)
		switch {
		case err != nil:
			return nil, malformed("%v", err)
		case len(batch) == 0:
			return nil, malformed("it is an empty list")
		}
		raw = batch[0]
	}
	var answer struct{ Data, Errors json.RawMessage }
	if err := object(raw, &answer); err != nil {
		return nil, malformed("%v", err)
	}
	failures := graphQLErrors(answer.Errors)
	for _, failure := range failures {
		// Data beside it is given up: only an error leads to a pause.
		if throttlingCode.MatchString(failure.codes()) {
			return nil, throttled(http.StatusOK, 0, "GraphQL answered "+failure.describe(found))
		}
	}

	at, err := dig(answer.Data, field, entries)
	var endpoints []json.RawMessage
	if err == nil {
		endpoints, err = list(at)
	}
	empty := true
	for _, endpoint := range endpoints {
		empty = empty && isNull(endpoint)
	}
	switch {
	case (err != nil || empty) && anyAuthentication(failures):
		return nil, &collectors.AuthenticationError{
			Code: "GraphQL " + failures.code(found), Err: failures.err(found),
		}
	case err != nil && len(failures) > 0:
		return nil, &collectors.PermanentError{Kind: "graphql", StatusCode: http.StatusOK, Err: failures.err(found)}
	case err != nil:
		return nil, malformed("data.%s.%s: %v", field, entries, err)
	}
	for _, failure := range failures {
		// What it says of a monitor is seen by the monitor's being away.
		if failureOf(failure.codes()) == failureOther {
			found.add("GraphQL told an error beside the data: %s", failure.describe(found))
		}
	}
	return endpoints, nil
}

// graphQLError is one of the errors of an answer (GraphQL specification, 7.1.2);
// servers tell the code in different places.
type graphQLError struct {
	message    string
	code       []string
	conclusive bool // the first code is Amazon's errorCode, beside which the text says nothing more
}

type graphQLFailures []graphQLError

func graphQLErrors(raw json.RawMessage) graphQLFailures {
	if isNull(raw) {
		return nil
	}
	entries, err := list(raw)
	if err != nil {
		entries = []json.RawMessage{raw} // one error, without its list
	}
	var failures graphQLFailures
	for _, entry := range entries {
		var fields struct{ Message, Code, Type, ErrorType, Extensions json.RawMessage }
		if object(entry, &fields) != nil {
			message, err := text(entry)
			if err != nil || message == "" {
				message = "an error without a message"
			}
			failures = append(failures, graphQLError{message: message})
			continue
		}
		failure := graphQLError{}
		failure.message, _ = text(fields.Message) // no text is no message
		var extensions struct{ ErrorCode, Code, ErrorType, Classification json.RawMessage }
		if object(fields.Extensions, &extensions) != nil {
			extensions.ErrorCode, extensions.Code = nil, nil
		}
		errorCode, err := text(extensions.ErrorCode)
		failure.conclusive = err == nil && errorCode != ""
		for _, field := range []json.RawMessage{
			extensions.ErrorCode, extensions.Code, extensions.ErrorType, fields.ErrorType, fields.Code, fields.Type, extensions.Classification,
		} {
			if code, err := text(field); err == nil && code != "" {
				failure.code = append(failure.code, code)
			}
		}
		failures = append(failures, failure)
	}
	return failures
}

func (e graphQLError) codes() string { return strings.Join(e.code, " ") }

// describe tells an error in a line, fit to be logged.
func (e graphQLError) describe(found *faults) string {
	message := found.text(e.message)
	if len(e.code) > 0 {
		message = strings.TrimSpace(found.text(e.code[0]) + " " + message)
	}
	if message == "" {
		return "no message"
	}
	return message
}

func (f graphQLFailures) err(found *faults) error {
	more := ""
	if len(f) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(f)-1)
	}
	for _, failure := range f {
		if failure.isAuthentication() {
			return fmt.Errorf("GraphQL refused: %s%s", failure.describe(found), more)
		}
	}
	return fmt.Errorf("GraphQL answered an error: %s%s", f[0].describe(found), more)
}

// code is a short word for the refusal among the errors.
func (f graphQLFailures) code(found *faults) string {
	for _, failure := range f {
		if failure.isAuthentication() {
			if len(failure.code) > 0 {
				return found.text(failure.code[0])
			}
			break
		}
	}
	return "unauthorized"
}

func anyAuthentication(failures graphQLFailures) bool {
	for _, failure := range failures {
		if failure.isAuthentication() {
			return true
		}
	}
	return false
}

var (
	// refusalCode matches UNAUTHENTICATED, UNAUTHORIZED, NOT_AUTHORIZED,
	// FORBIDDEN, AccessDeniedException.
	refusalCode = regexp.MustCompile(`(?i)un_?authenticated|un_?authori[sz]ed|not_?authori[sz]ed|not_?authenticated|forbidden|access_?denied`)

	// refusalText matches what servers write for the same.
	refusalText = regexp.MustCompile(`(?i)\b(unauthenticated|unauthori[sz]ed|not authori[sz]ed|not authenticated|forbidden|access ?denied|status(?: code)?:? 40[13])`)
)

// isAuthentication says whether an error means that nobody is signed in. What is
// said of a device does not, whatever words it uses.
func (e graphQLError) isAuthentication() bool {
	if failureOf(e.codes()) != failureOther {
		return false
	}
	for _, code := range e.code {
		if refusalCode.MatchString(code) {
			return true
		}
	}
	return !e.conclusive && refusalText.MatchString(e.message)
}
