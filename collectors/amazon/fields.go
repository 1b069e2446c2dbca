package amazon

import (
	"encoding/json"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// fieldReader reads the fields of one entry; what has the wrong shape is empty,
// and told as a fault.
type fieldReader struct {
	found *wire.Faults
	of    string
}

func (r fieldReader) raw(name string, raw json.RawMessage, path ...string) string {
	s, err := wire.TextAt(raw, path...)
	if err != nil {
		r.found.Add("%s: %s: %v", r.of, name, err)
	}
	return s
}

// text is text to be shown.
func (r fieldReader) text(name string, raw json.RawMessage, path ...string) string {
	return collectors.CleanText(r.raw(name, raw, path...))
}

// maxID is beyond the length of any id that Alexa gives, in bytes: an appliance
// id that is made of others has about 200.
const maxID = 1024

// id is text to be sent back as it came.
func (r fieldReader) id(name string, raw json.RawMessage, path ...string) string {
	id := r.raw(name, raw, path...)
	if len(id) > maxID {
		r.found.Add("%s: %s: longer than %d bytes, which is no id", r.of, name, maxID)
		return ""
	}
	return id
}

func (r fieldReader) list(name string, raw json.RawMessage) []json.RawMessage {
	if wire.IsNull(raw) {
		return nil
	}
	entries, err := wire.List(raw)
	if err != nil {
		r.found.Add("%s: %s: %v", r.of, name, err)
	}
	return entries
}
