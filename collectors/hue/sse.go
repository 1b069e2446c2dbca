package hue

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent bounds one event of the stream, in bytes. A container has at most a
// second's changes; a scene that touches a hundred lights is some 100 kB.
const maxEvent = 1 << 20

// errLongEvent says that an event was longer than maxEvent and is gone.
var errLongEvent = errors.New("an event of the stream is longer than any Hue bridge sends")

// maxEventID bounds the id of an event, in bytes. A bridge's is "1640698743:0".
const maxEventID = 64

// sseEvent is one event of the stream.
type sseEvent struct {
	id   string // "" if it has none, or one that no header field can hold
	data []byte
}

// sseReader reads server-sent events (WHATWG HTML, 9.2.6) as far as a Hue bridge
// makes use of them: the id and the data of an event. It skips comments, and an
// event that the stream ends in the middle of.
type sseReader struct{ in *bufio.Reader }

func newSSEReader(in io.Reader) *sseReader { return &sseReader{bufio.NewReaderSize(in, 16<<10)} }

// next returns the next event, in memory that the caller may keep. After
// errLongEvent, which comes with the event's id, it can be called again, after
// another error it can't.
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

// eventID returns the exact text of an id, or "" if it can't be sent back.
func eventID(text []byte) string {
	if len(text) > maxEventID || bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return string(text)
}

// line returns the next line without its end, valid until the next call. Of one
// that is longer than most bytes it says only that.
func (s *sseReader) line(most int) (line []byte, tooLong bool, err error) {
	part, err := s.in.ReadSlice('\n')
	if err == nil && len(part) <= most {
		return bytes.TrimRight(part, "\r\n"), false, nil
	}
	var whole []byte
	for {
		if !tooLong {
			whole = append(whole, part...)
		}
		if len(whole) > most {
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
