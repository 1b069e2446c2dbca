package wire

import (
	"encoding/json"
	"strings"
)

// GraphQLError is one of the errors of a response (GraphQL specification, 7.1.2).
// Servers put the code in different places.
type GraphQLError struct {
	Message string
	Codes   []string

	// Conclusive reports that the first code is Amazon's errorCode, beside which the
	// message says nothing more.
	Conclusive bool
}

// Code returns all codes as one text to match against.
func (e GraphQLError) Code() string { return strings.Join(e.Codes, " ") }

// GraphQLErrors decodes the field "errors" of a response. It takes whatever is there
// for an error.
func GraphQLErrors(raw json.RawMessage) (all []GraphQLError) {
	if IsNull(raw) {
		return nil
	}
	entries, err := List(raw)
	if err != nil {
		entries = []json.RawMessage{raw} // one error, without its list
	}
	for _, entry := range entries {
		var fields struct{ Message, Code, Type, ErrorType, Extensions json.RawMessage }
		if Object(entry, &fields) != nil {
			message := FirstText(entry)
			if message == "" {
				message = "an error without a message"
			}
			all = append(all, GraphQLError{Message: message})
			continue
		}
		var extensions struct{ ErrorCode, Code, ErrorType, Classification json.RawMessage }
		_ = Object(fields.Extensions, &extensions) // without extensions there are fewer codes
		e := GraphQLError{Message: FirstText(fields.Message), Conclusive: FirstText(extensions.ErrorCode) != ""}
		for _, field := range []json.RawMessage{
			extensions.ErrorCode, extensions.Code, extensions.ErrorType, fields.ErrorType, fields.Code, fields.Type, extensions.Classification,
		} {
			if code := FirstText(field); code != "" {
				e.Codes = append(e.Codes, code)
			}
		}
		all = append(all, e)
	}
	return all
}
