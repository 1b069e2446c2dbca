package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hueair2mqtt/collectors"
)

// Malformed returns the permanent error for a response that is not what was asked for.
func Malformed(format string, args ...any) error {
	return &collectors.PermanentError{
		Kind: "malformed", StatusCode: http.StatusOK,
		Err: fmt.Errorf("the response can't be understood: "+format, args...),
	}
}

// IsNull reports whether a field is missing or null.
func IsNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

// Shape names the kind of a value for an error, without its content: "an object".
func Shape(raw json.RawMessage) string {
	if IsNull(raw) {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "text"
	case 't', 'f':
		return "true or false"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return "a number"
	default:
		return "something other than JSON"
	}
}

// Object decodes an object into a struct of raw fields.
func Object(raw json.RawMessage, into any) error {
	return decode(raw, into, "an object")
}

// List decodes a list. It returns an error if raw is null.
func List(raw json.RawMessage) ([]json.RawMessage, error) {
	var entries []json.RawMessage
	err := decode(raw, &entries, "a list")
	return entries, err
}

// Objects decodes a list of objects. It passes the error of an entry that is no
// object to broken and leaves that entry out.
func Objects[T any](raw json.RawMessage, broken func(error)) ([]*T, error) {
	if is := Shape(raw); is != "a list" {
		return nil, fmt.Errorf("%s where a list belongs", is)
	}
	// Nearly always all entries are objects, so decode them at once. A null entry
	// becomes nil.
	var all []*T
	if json.Unmarshal(raw, &all) == nil && !slices.Contains(all, nil) {
		return all, nil
	}
	entries, err := List(raw)
	if err != nil {
		return nil, err
	}
	all = nil
	for _, entry := range entries {
		fields := new(T)
		if err := Object(entry, fields); err != nil {
			broken(err)
			continue
		}
		all = append(all, fields)
	}
	return all, nil
}

// decode decodes a value of the wanted shape. Its errors do not quote the content.
func decode(raw json.RawMessage, into any, wanted string) error {
	if is := Shape(raw); is != wanted {
		return fmt.Errorf("%s where %s belongs", is, wanted)
	}
	if json.Unmarshal(raw, into) != nil {
		return errors.New("it is not JSON") // the only failure that is left
	}
	return nil
}

// Text decodes text. Null is the empty text. A number is taken as it is written:
// instances and serial numbers lose their quotes easily.
func Text(raw json.RawMessage) (string, error) {
	switch Shape(raw) {
	case "nothing":
		return "", nil
	case "a number":
		return string(raw), nil
	case "text":
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	default:
		return "", fmt.Errorf("%s where text belongs", Shape(raw))
	}
}

// FirstText returns the first of the fields that holds text, or "".
func FirstText(fields ...json.RawMessage) string {
	for _, field := range fields {
		if s, err := Text(field); err == nil && s != "" {
			return s
		}
	}
	return ""
}

// Dig follows names into nested objects. A null on the way gives null; any other
// value that is no object is an error.
func Dig(raw json.RawMessage, path ...string) (json.RawMessage, error) {
	for _, name := range path {
		if IsNull(raw) {
			return nil, nil
		}
		var fields map[string]json.RawMessage
		if err := Object(raw, &fields); err != nil {
			return nil, err
		}
		raw = fields[name]
	}
	return raw, nil
}

// TextAt returns the text at the end of a path; see Dig.
func TextAt(raw json.RawMessage, path ...string) (string, error) {
	raw, err := Dig(raw, path...)
	if err != nil {
		return "", err
	}
	return Text(raw)
}

// Number decodes a number, or a number written as text. What has no value (null,
// an empty text, NaN, an infinity) is NaN.
func Number(raw json.RawMessage) (float64, error) {
	s, err := Text(raw)
	if err != nil {
		return 0, fmt.Errorf("%s where a number belongs", Shape(raw))
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return math.NaN(), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return math.NaN(), nil
	case err != nil:
		return 0, errors.New("text that is not a number")
	}
	return f, nil
}
