package hue

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/amimof/huego"

	"hueair2mqtt/collectors"
)

// Numbers of errors in a Hue bridge's answers, as the CLIP documentation lists
// them.
const (
	errorUnauthorized = 1   // the key is unknown: it was never made, or deleted in the Hue app
	errorInternal     = 901 // something inside the bridge failed; it passes
)

// maxItems is how many items of a list of errors are looked at; a Hue bridge
// sends one for each fault of a request, and a GET has one at most.
const maxItems = 16

// The parts of a sensor's state and config that mean something here. All others
// are left out before huego keeps them.
var (
	stateKeys  = []string{"temperature", "presence", "lightlevel", "lastupdated"}
	configKeys = []string{"on", "battery", "reachable"}
)

// mend reads the answer to /sensors and returns it without the entries that
// huego can't hold, which it adds to faults. An answer that is no house of
// sensors is a classified error.
//
// It reads entry by entry, so that the answer is never in memory as a whole.
func (c *Collector) mend(body io.Reader, faults *faults) ([]byte, error) {
	squeezed := newSqueezer(body)
	in := bufio.NewReader(squeezed)
	start, err := in.Peek(1)
	if errors.Is(err, io.EOF) {
		return nil, empty("no text at all")
	}
	if err != nil {
		return nil, c.readError(err)
	}
	dec := json.NewDecoder(in)
	switch start[0] {
	case '{':
		return c.mendSensors(dec, squeezed, faults)
	case '[':
		return nil, c.listError(dec, squeezed)
	case '<':
		return nil, malformed("the answer is a page of HTML or XML, not JSON; is %s.host the Hue bridge?", c.target.Setting)
	}
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, c.readError(err)
	}
	switch value {
	case nil:
		return nil, empty("null")
	case "":
		return nil, empty("an empty text")
	}
	return nil, malformed("the answer is %s, not sensors", kindOf(value))
}

func (c *Collector) mendSensors(dec *json.Decoder, squeezed *squeezer, faults *faults) ([]byte, error) {
	if _, err := dec.Token(); err != nil {
		return nil, c.readError(err)
	}
	var (
		mended  = bytes.NewBufferString("{")
		enc     = json.NewEncoder(mended)
		raw     json.RawMessage
		entries int
		usable  int
	)
	for dec.More() {
		squeezed.allow()
		if entries++; entries > maxEntries {
			return nil, oversized("the answer holds more than %d sensors", maxEntries)
		}
		id, err := dec.Token()
		if err != nil {
			return nil, c.readError(err)
		}
		raw = raw[:0]
		if err := dec.Decode(&raw); err != nil {
			return nil, c.readError(err)
		}
		sensor, err := mendSensor(fmt.Sprint(id), raw)
		if err != nil {
			faults.add(`sensor "%s": %s`, c.target.Clean(fmt.Sprint(id)), c.target.Clean(err.Error()))
			continue
		}
		if usable++; usable > 1 {
			mended.WriteByte(',')
		}
		fmt.Fprintf(mended, "%q:", id)
		if err := enc.Encode(sensor); err != nil {
			return nil, malformed("sensor %s cannot be written again: %s", id, c.target.Clean(err.Error()))
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, c.readError(err)
	}
	squeezed.allow()
	if _, err := dec.Token(); err == nil {
		return nil, malformed("the answer goes on after its end")
	} else if !errors.Is(err, io.EOF) {
		return nil, c.readError(err)
	}
	switch {
	case entries == 0:
		return nil, empty("no sensors")
	case usable == 0:
		// Every bridge has a sensor for daylight that nobody can delete.
		return nil, malformed("not one entry of the answer is a sensor; the first is refused: %w", faults.list()[0])
	}
	mended.WriteByte('}')
	return mended.Bytes(), nil
}

// mendSensor reads one entry as huego will. The error says why huego can't.
func mendSensor(id string, raw []byte) (huego.Sensor, error) {
	if n, err := strconv.Atoi(id); err != nil || n < 1 || strconv.Itoa(n) != id {
		return huego.Sensor{}, errors.New("the id is no positive number")
	}
	if raw[0] != '{' {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return huego.Sensor{}, err
		}
		return huego.Sensor{}, fmt.Errorf("it is %s, not an object", kindOf(value))
	}
	var s huego.Sensor
	if err := json.Unmarshal(raw, &s); err != nil {
		return huego.Sensor{}, wrongType(err)
	}
	s.ID = 0 // the key of the entry is the id
	for _, text := range []*string{&s.Name, &s.Type, &s.ModelID, &s.ManufacturerName, &s.UniqueID, &s.SwVersion} {
		*text = collectors.CleanText(*text)
	}
	s.State = only(stateKeys, s.State)
	s.Config = only(configKeys, s.Config)
	return s, nil
}

// only keeps the keys that are wanted, with texts cleaned. Lists and objects,
// which none of them should be, are kept empty, so that their kind can be told.
func only(keys []string, from map[string]any) map[string]any {
	kept := make(map[string]any, len(keys))
	for _, key := range keys {
		value, ok := from[key]
		if !ok {
			continue
		}
		switch v := value.(type) {
		case map[string]any:
			value = map[string]any{}
		case []any:
			value = []any{}
		case string:
			value = collectors.CleanText(v)
		}
		kept[key] = value
	}
	return kept
}

// listError makes an error of a list, which is how a Hue bridge tells one.
func (c *Collector) listError(dec *json.Decoder, squeezed *squeezer) error {
	if _, err := dec.Token(); err != nil {
		return c.readError(err)
	}
	var (
		found error
		raw   json.RawMessage
		items int
	)
	for ; dec.More(); items++ {
		if items == maxItems {
			return found
		}
		squeezed.allow()
		raw = raw[:0]
		if err := dec.Decode(&raw); err != nil {
			return c.readError(err)
		}
		err := c.bridgeError(raw)
		if collectors.ClassOf(err) == collectors.Authentication {
			return err
		}
		if found == nil {
			found = err
		}
	}
	if _, err := dec.Token(); err != nil {
		return c.readError(err)
	}
	if items == 0 {
		return empty("an empty list")
	}
	return found
}

// bridgeError makes an error of one item: {"error": {"type": 1, "address":
// "/sensors", "description": "unauthorized user"}}.
func (c *Collector) bridgeError(raw []byte) error {
	var item struct {
		Error struct {
			Type        any
			Description any
		}
	}
	if err := json.Unmarshal(raw, &item); err != nil {
		return malformed("the answer is a list of something else than errors")
	}
	number, ok := item.Error.Type.(float64)
	if !ok {
		return malformed("the answer is a list, not sensors, and no error with a number is in it")
	}
	code := "Hue error " + strconv.FormatFloat(number, 'f', -1, 64)
	description, ok := item.Error.Description.(string)
	if !ok {
		description = "no description"
	}
	err := fmt.Errorf("the Hue bridge answers: %s (%s)", c.target.Clean(description), code)
	switch number {
	case errorUnauthorized:
		return &collectors.AuthenticationError{Code: code, Err: err}
	case errorInternal:
		return &collectors.TransientError{Kind: strings.ToLower(code), Err: err}
	}
	return &collectors.PermanentError{Kind: strings.ToLower(code), Err: err}
}

// readError gives a class to a failure of reading or parsing the answer.
func (c *Collector) readError(err error) error {
	var (
		permanent *collectors.PermanentError
		syntax    *json.SyntaxError
		wrong     *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &permanent): // the squeezer's
		return err
	case errors.As(err, &syntax), errors.As(err, &wrong):
		return malformed("the answer is no JSON: %s", c.target.Clean(err.Error()))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &collectors.TransientError{Kind: "truncated", Err: errors.New("the answer ends in the middle")}
	}
	return c.target.NetworkError("reading the sensors", err)
}

// empty is the error of an answer that would make the house empty. A bridge that
// is starting or overloaded gives one.
func empty(what string) error {
	return &collectors.TransientError{Kind: "empty", Err: fmt.Errorf(
		"the answer is empty (%s), which is a fault of the Hue bridge: every one has at least a sensor for daylight", what)}
}

func malformed(format string, args ...any) error {
	return &collectors.PermanentError{Kind: "malformed", Err: fmt.Errorf(format, args...)}
}

// wrongType says in plain words which part of an entry has the wrong type.
func wrongType(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	belongs := "a number that fits"
	switch wrong.Type.Kind() {
	case reflect.String:
		belongs = "a text"
	case reflect.Map, reflect.Struct:
		belongs = "an object"
	case reflect.Slice:
		belongs = "a list"
	case reflect.Bool:
		belongs = "true or false"
	case reflect.Int:
		belongs = "a whole number"
	}
	return fmt.Errorf("%s is of type %s, not %s", cmp.Or(wrong.Field, "it"), collectors.CleanText(wrong.Value), belongs)
}

// kindOf names the type of a JSON value in plain words.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
