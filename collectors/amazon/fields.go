package amazon

import (
	"encoding/json"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// fieldReader reads the fields of one entry. A field of the wrong shape is empty and
// reported as a fault.
type fieldReader struct {
	found *wire.Faults
	of    string // names the entry
}

func (r fieldReader) raw(name string, raw json.RawMessage, path ...string) string {
	s, err := wire.TextAt(raw, path...)
	if err != nil {
		r.found.Add("%s: %s: %v", r.of, name, err)
	}
	return s
}

// text returns text to show.
func (r fieldReader) text(name string, raw json.RawMessage, path ...string) string {
	return collectors.CleanText(r.raw(name, raw, path...))
}

// maxID bounds an id, in bytes. Alexa's longest, made of several others, have about 200.
const maxID = 1024

// id returns text to send back unchanged.
func (r fieldReader) id(name string, raw json.RawMessage, path ...string) string {
	id := r.raw(name, raw, path...)
	if len(id) > maxID {
		r.found.Add("%s: %s: longer than %d bytes, which is not an id", r.of, name, maxID)
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
