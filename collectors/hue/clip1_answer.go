package hue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/amimof/huego"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

// Numbers of errors in a Hue bridge's answers, from the CLIP documentation.
const (
	errorUnauthorized = 1   // the key is unknown: never issued, or deleted in the Hue app
	errorInternal     = 901 // an internal error of the bridge; it passes
)

// maxErrors is how many items of a list of errors are read. A Hue bridge sends one for each
// fault of a request, and a GET has one at most.
const maxErrors = 16

// The keys of a sensor's state and config that are used. The others are removed before
// huego stores them.
var (
	stateKeys  = []string{"temperature", "presence", "lightlevel", "lastupdated"}
	configKeys = []string{"on", "battery", "reachable"}
)

// repairSensors reads an answer to /sensors and returns it without the entries that huego
// cannot parse, which it adds to faults.
func repairSensors(client *pairing.Client, resp *http.Response, faults *faults) ([]byte, error) {
	a, err := readAnswer(client, resp)
	if err != nil {
		return nil, err
	}
	switch a.start {
	case '{':
		text, err := a.repairSensors(faults)
		if err != nil {
			return nil, a.failure(err)
		}
		return text, nil
	case '[':
		return nil, a.failure(a.errorList())
	}
	return nil, a.unexpected("sensors")
}

func (a *answer) repairSensors(faults *faults) ([]byte, error) {
	if _, err := a.Token(); err != nil {
		return nil, err
	}
	var (
		repaired = bytes.NewBufferString("{")
		enc      = json.NewEncoder(repaired)
		entries  int
		usable   int
	)
	for a.More() {
		a.squeezed.allow()
		if entries++; entries > maxEntries {
			return nil, oversized("the answer contains more than %d sensors", maxEntries)
		}
		id, err := a.Token()
		if err != nil {
			return nil, err
		}
		raw, err := a.next()
		if err != nil {
			return nil, err
		}
		sensor, err := repairSensor(fmt.Sprint(id), raw)
		if err != nil {
			faults.add(`sensor "%s": %s`, a.client.Clean(fmt.Sprint(id)), a.client.Clean(err.Error()))
			continue
		}
		if usable++; usable > 1 {
			repaired.WriteByte(',')
		}
		fmt.Fprintf(repaired, "%q:", id)
		if err := enc.Encode(sensor); err != nil {
			return nil, malformed("sensor %s cannot be encoded again: %s", id, a.client.Clean(err.Error()))
		}
	}
	if _, err := a.Token(); err != nil {
		return nil, err
	}
	a.squeezed.allow()
	if _, err := a.Token(); err == nil {
		return nil, malformed("the response continues after its end")
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case entries == 0:
		return nil, emptyAnswer("no sensors")
	case usable == 0:
		// Every bridge has a sensor for daylight that cannot be deleted.
		return nil, malformed("not one entry of the response is a sensor; the first error is: %w", faults.list()[0])
	}
	repaired.WriteByte('}')
	return repaired.Bytes(), nil
}

// repairSensor parses one entry as huego does. It returns an error if huego cannot.
func repairSensor(id string, raw []byte) (huego.Sensor, error) {
	if n, err := strconv.Atoi(id); err != nil || n < 1 || strconv.Itoa(n) != id {
		return huego.Sensor{}, errors.New("the id is not a positive number")
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

// only returns the values of these keys, with texts cleaned. Lists and objects, which none
// of them should be, are emptied; their type is reported.
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

// errorList returns the error in a list, which is how a Hue bridge reports one.
func (a *answer) errorList() error {
	if _, err := a.Token(); err != nil {
		return err
	}
	var found error
	for items := 0; a.More(); items++ {
		if items == maxErrors {
			return found
		}
		raw, err := a.next()
		if err != nil {
			return err
		}
		err = a.reportedError(raw)
		if collectors.ClassOf(err) == collectors.Authentication {
			return err
		}
		if found == nil {
			found = err
		}
	}
	if _, err := a.Token(); err != nil {
		return err
	}
	if found == nil {
		return emptyAnswer("an empty list")
	}
	return found
}

// reportedError returns the error in one item: {"error": {"type": 1, "address": "/sensors",
// "description": "unauthorized user"}}.
func (a *answer) reportedError(raw []byte) error {
	var item struct {
		Error struct {
			Type        any
			Description any
		}
	}
	if err := json.Unmarshal(raw, &item); err != nil {
		return malformed("the response is a list, but not of errors")
	}
	number, ok := item.Error.Type.(float64)
	if !ok {
		return malformed("the response is a list, not sensors, and contains no error with a number")
	}
	code := "Hue error " + strconv.FormatFloat(number, 'f', -1, 64)
	description, ok := item.Error.Description.(string)
	if !ok {
		description = "no description"
	}
	err := fmt.Errorf("the Hue bridge answers: %s (%s)", a.client.Clean(description), code)
	switch number {
	case errorUnauthorized:
		return &collectors.AuthenticationError{Code: code, Err: err}
	case errorInternal:
		return &collectors.TransientError{Kind: strings.ToLower(code), Err: err}
	}
	return &collectors.PermanentError{Kind: strings.ToLower(code), Err: err}
}
