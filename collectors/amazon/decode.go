package amazon

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

// maxFaults bounds what one poll tells of broken entries: a whole answer in an
// unknown shape is one piece of news, not a thousand.
const maxFaults = 50

// faults gathers what could not be understood. Text of the network may echo
// what the request held, so all of it goes through redact.
type faults struct {
	redact func(string) string
	list   []error
	more   int
}

func (f *faults) add(format string, args ...any) {
	if len(f.list) >= maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, errors.New(f.redact(fmt.Sprintf(format, args...))))
}

// text makes text from the network fit to be part of an error.
func (f *faults) text(s string) string { return collectors.CleanText(f.redact(s)) }

func (f *faults) errors() []error {
	if f.more > 0 {
		return append(f.list, fmt.Errorf("and %d more entries could not be understood", f.more))
	}
	return f.list
}

// malformed is an answer that is not what was asked for.
func malformed(format string, args ...any) error {
	return &collectors.PermanentError{
		Kind: "malformed", StatusCode: http.StatusOK,
		Err: fmt.Errorf("the answer can't be understood: "+format, args...),
	}
}

// isNull says whether there is nothing: a field that is missing, or null.
func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

// shape names what is there instead of what was expected, without its content.
func shape(raw json.RawMessage) string {
	if isNull(raw) {
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

// object decodes an object into a struct of raw fields, which can fail for
// nothing that is an object.
func object(raw json.RawMessage, into any) error {
	return decode(raw, into, "an object")
}

// list decodes a list; nothing is no list.
func list(raw json.RawMessage) ([]json.RawMessage, error) {
	var entries []json.RawMessage
	err := decode(raw, &entries, "a list")
	return entries, err
}

// objects decodes a list of objects. An entry that is none is told to broken and
// left out.
func objects[T any](raw json.RawMessage, broken func(error)) ([]*T, error) {
	if is := shape(raw); is != "a list" {
		return nil, fmt.Errorf("%s where a list belongs", is)
	}
	// As nearly always all entries are objects, they are decoded at once; null
	// would be none of them, and is seen as the nil that it becomes.
	var all []*T
	if json.Unmarshal(raw, &all) == nil && !slices.Contains(all, nil) {
		return all, nil
	}
	entries, err := list(raw)
	if err != nil {
		return nil, err
	}
	all = nil
	for _, entry := range entries {
		fields := new(T)
		if err := object(entry, fields); err != nil {
			broken(err)
			continue
		}
		all = append(all, fields)
	}
	return all, nil
}

// decode takes what has the right shape. Its errors hold nothing of the content.
func decode(raw json.RawMessage, into any, wanted string) error {
	if is := shape(raw); is != wanted {
		return fmt.Errorf("%s where %s belongs", is, wanted)
	}
	if json.Unmarshal(raw, into) != nil {
		return errors.New("it is not JSON") // the only failure that is left
	}
	return nil
}

// text decodes text; nothing is the empty one. A number is taken as it is
// written: instances and serial numbers lose their quotes easily.
func text(raw json.RawMessage) (string, error) {
	switch shape(raw) {
	case "nothing":
		return "", nil
	case "a number":
		return string(raw), nil
	case "text":
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	default:
		return "", fmt.Errorf("%s where text belongs", shape(raw))
	}
}

// dig follows names into nested objects. Nothing on the way is nothing at the
// end; anything else that is no object is an error.
func dig(raw json.RawMessage, path ...string) (json.RawMessage, error) {
	for _, name := range path {
		if isNull(raw) {
			return nil, nil
		}
		var fields map[string]json.RawMessage
		if err := object(raw, &fields); err != nil {
			return nil, err
		}
		raw = fields[name]
	}
	return raw, nil
}

// textAt is the text at the end of a path.
func textAt(raw json.RawMessage, path ...string) (string, error) {
	raw, err := dig(raw, path...)
	if err != nil {
		return "", err
	}
	return text(raw)
}

// number decodes a number, or a number as text. What has no value (null, an
// empty text, NaN, an infinity) is NaN.
func number(raw json.RawMessage) (float64, error) {
	s, err := text(raw)
	if err != nil {
		return 0, fmt.Errorf("%s where a number belongs", shape(raw))
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
		return 0, errors.New("text that is no number")
	}
	return f, nil
}
