package hue

import (
	"bytes"
	stdjson "encoding/json"

	"github.com/segmentio/encoding/json"
)

// maxBrackets is how deep encoding/json goes into an answer before it refuses it.
// The quicker decoder has no such limit, and a mebibyte of brackets costs it
// seconds and half a gibibyte of stack.
const maxBrackets = 10_000

// unmarshal is json.Unmarshal of encoding/json, in a third of the time: an event
// is waited for. What the quicker decoder does not take goes to encoding/json,
// whose word counts and whose errors tell what is wrong without repeating it.
func unmarshal(raw []byte, into any) error {
	if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= maxBrackets && json.Unmarshal(raw, into) == nil {
		return nil
	}
	return stdjson.Unmarshal(raw, into)
}
