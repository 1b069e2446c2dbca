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

// sseReader takes events out of a stream of server-sent events (WHATWG HTML,
// 9.2.6) as far as a Hue bridge makes use of them: of an event only its data
// counts, a comment is nothing, and what the stream ends in the middle of is no
// event.
type sseReader struct{ in *bufio.Reader }

func newSSEReader(in io.Reader) *sseReader { return &sseReader{bufio.NewReaderSize(in, 16<<10)} }

// next returns the data of the next event, in memory that the caller may keep.
// After errLongEvent it can be called again, after another error it can't.
func (s *sseReader) next() ([]byte, error) {
	var (
		data    []byte
		hasData bool
		long    bool
	)
	for {
		line, tooLong, err := s.line(maxEvent - len(data))
		if err != nil {
			return nil, err
		}
		if tooLong {
			long, data = true, nil
			continue
		}
		if len(line) == 0 { // the end of an event
			if long {
				return nil, errLongEvent
			}
			if hasData {
				return data, nil
			}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		if string(field) != "data" || long { // an empty field is a comment
			continue
		}
		if hasData {
			data = append(data, '\n')
		}
		data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		hasData = true
	}
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
