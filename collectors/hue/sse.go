package hue

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent is the max size of one SSE event in bytes. An event has at most a second's
// changes; a scene with a hundred lights is about 100 kB.
const maxEvent = 1 << 20

// errLongEvent is returned for an event longer than maxEvent, which is dropped.
var errLongEvent = errors.New("an event of the stream is longer than any Hue bridge sends")

// maxEventID is the max length of an event id in bytes. A bridge's is "1640698743:0".
const maxEventID = 64

// sseEvent is one server-sent event.
type sseEvent struct {
	id   string // "" if it has none, or one that is invalid in a header field
	data []byte
}

// sseReader reads server-sent events (WHATWG HTML, 9.2.6), of which a Hue bridge uses id
// and data. It skips comments, and an incomplete event at the end of the stream.
type sseReader struct{ in *bufio.Reader }

func newSSEReader(in io.Reader) *sseReader { return &sseReader{bufio.NewReaderSize(in, 16<<10)} }

// next returns the next event, in memory that the caller may keep. After errLongEvent, which
// comes with the event's id, next can be called again; after other errors it cannot.
func (s *sseReader) next() (e sseEvent, err error) {
	hasData, long := false, false
	for {
		line, tooLong, err := s.line(maxEvent - len(e.data))
		if err != nil {
			return sseEvent{}, err
		}
		if tooLong {
			long, e.data = true, nil
			continue
		}
		if len(line) == 0 { // the end of an event
			if long {
				return e, errLongEvent
			}
			if hasData {
				return e, nil
			}
			e.id = ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":")) // an empty field is a comment
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case string(field) == "id":
			e.id = eventID(value)
		case string(field) == "data" && !long:
			if hasData {
				e.data = append(e.data, '\n')
			}
			e.data = append(e.data, value...)
			hasData = true
		}
	}
}

// eventID returns the exact text of an id, or "" if it cannot be sent back.
func eventID(text []byte) string {
	if len(text) > maxEventID || bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return string(text)
}

// line returns the next line without its end, valid until the next call. If the line is
// longer than limit bytes, line only reports that.
func (s *sseReader) line(limit int) (line []byte, tooLong bool, err error) {
	part, err := s.in.ReadSlice('\n')
	if err == nil && len(part) <= limit {
		return bytes.TrimRight(part, "\r\n"), false, nil
	}
	var whole []byte
	for {
		if !tooLong {
			whole = append(whole, part...)
		}
		if len(whole) > limit {
			tooLong, whole = true, nil
		}
		if err == nil {
			return bytes.TrimRight(whole, "\r\n"), tooLong, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, false, err
		}
		part, err = s.in.ReadSlice('\n')
	}
}
