package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/wire"
)

const graphQLPath = "/nexus/v1/graphql"

// poll is one poll of the account.
type poll struct {
	account *account.Account
	retry   *collectors.Retrier
	found   *wire.Faults
}

func (p *poll) ask(ctx context.Context, q account.Question, parse func(body []byte) error) error {
	return p.account.Ask(ctx, p.retry, q, parse)
}

// graphQL sends a query for endpoints and passes those of the response to parse.
func (p *poll) graphQL(ctx context.Context, purpose, operation, query string, variables any, parse func(endpoints []json.RawMessage)) error {
	question := account.Question{Path: graphQLPath, Purpose: purpose, Body: struct {
		OperationName string `json:"operationName"`
		Variables     any    `json:"variables"`
		Query         string `json:"query"`
	}{operation, variables, query}}
	return p.ask(ctx, question, func(body []byte) error {
		endpoints, err := parseEndpoints(body, p.found)
		if err == nil {
			parse(endpoints)
		}
		return err
	})
}

// parseEndpoints returns the list at data.listEndpoints.endpoints of a response, which
// may be the only element of a list, as for a batch. GraphQL errors are the error
// without data, and faults beside it.
func parseEndpoints(body []byte, found *wire.Faults) ([]json.RawMessage, error) {
	raw := json.RawMessage(bytes.TrimSpace(body))
	if wire.Shape(raw) == "a list" {
		batch, err := wire.List(raw)
		switch {
		case err != nil:
			return nil, wire.Malformed("%v", err)
		case len(batch) == 0:
			return nil, wire.Malformed("it is an empty list")
		}
		raw = batch[0]
	}
	var response struct{ Data, Errors json.RawMessage }
	if err := wire.Object(raw, &response); err != nil {
		return nil, wire.Malformed("%v", err)
	}
	failures := wire.GraphQLErrors(response.Errors)
	for _, e := range failures {
		// Give up the data beside it: only an error leads to a pause.
		if wire.IsThrottlingCode(e.Code()) {
			return nil, wire.Throttled(http.StatusOK, 0, "GraphQL answered "+describe(e, found))
		}
	}

	at, err := wire.Dig(response.Data, "listEndpoints", "endpoints")
	var endpoints []json.RawMessage
	if err == nil {
		endpoints, err = wire.List(at)
	}
	refusal := slices.IndexFunc(failures, isRefusal)
	empty := !slices.ContainsFunc(endpoints, func(e json.RawMessage) bool { return !wire.IsNull(e) })
	more := ""
	if len(failures) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(failures)-1)
	}
	switch {
	case (err != nil || empty) && refusal >= 0:
		e := failures[refusal]
		code := "unauthorized"
		if len(e.Codes) > 0 {
			code = found.Text(e.Codes[0])
		}
		return nil, &collectors.AuthenticationError{
			Code: "GraphQL " + code, Err: fmt.Errorf("GraphQL refused: %s%s", describe(e, found), more),
		}
	case err != nil && len(failures) > 0:
		return nil, &collectors.PermanentError{
			Kind: "graphql", StatusCode: http.StatusOK,
			Err: fmt.Errorf("GraphQL answered an error: %s%s", describe(failures[0], found), more),
		}
	case err != nil:
		return nil, wire.Malformed("data.listEndpoints.endpoints: %v", err)
	}
	for _, e := range failures {
		// An error of one monitor shows in what is missing of it.
		if failureOf(e.Code()) == failureOther {
			found.Add("GraphQL reported an error beside the data: %s", describe(e, found))
		}
	}
	return endpoints, nil
}

// describe returns an error in one line that can be logged.
func describe(e wire.GraphQLError, found *wire.Faults) string {
	text := found.Text(e.Message)
	if len(e.Codes) > 0 {
		text = strings.TrimSpace(found.Text(e.Codes[0]) + " " + text)
	}
	if text == "" {
		return "no message"
	}
	return text
}

var (
	// refusalCode matches UNAUTHENTICATED, UNAUTHORIZED, NOT_AUTHORIZED,
	// FORBIDDEN, AccessDeniedException.
	refusalCode = regexp.MustCompile(`(?i)un_?authenticated|un_?authori[sz]ed|not_?authori[sz]ed|not_?authenticated|forbidden|access_?denied`)

	// refusalText matches what servers write for the same.
	refusalText = regexp.MustCompile(`(?i)\b(unauthenticated|unauthori[sz]ed|not authori[sz]ed|not authenticated|forbidden|access ?denied|status(?: code)?:? 40[13])`)
)

// isRefusal reports whether an error means that the session is not signed in. An error of a
// device does not, whatever words it uses.
func isRefusal(e wire.GraphQLError) bool {
	if failureOf(e.Code()) != failureOther {
		return false
	}
	return slices.ContainsFunc(e.Codes, refusalCode.MatchString) || !e.Conclusive && refusalText.MatchString(e.Message)
}
