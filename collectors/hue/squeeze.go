package hue

import (
	"fmt"
	"io"

	"hueair2mqtt/collectors"
)

// Bounds of an answer. A Hue bridge holds some hundred sensors of about 500
// bytes each; what is far beyond that is no answer but a fault, and must not
// cost the memory that it asks for.
const (
	maxBody    = 32 << 20  // of the whole answer, in bytes
	maxEntry   = 256 << 10 // of one sensor, in bytes, after squeezing
	maxEntries = 16 << 10  // sensors
	maxToken   = 4 << 10   // of one text or number, in bytes; the rest of it is left out
)

// squeezer passes JSON on without what makes a parser buffer more than it needs:
// of a run of white space outside texts the first character is kept, of a text
// or number no more than maxToken. It fails once the source has given more than
// maxBody, or more than maxEntry was passed on since the last call of allow.
//
// It knows just enough of JSON to find the ends of texts; whatever is wrong with
// the rest is left to the parser.
type squeezer struct {
	source io.Reader
	buf    []byte // read, not yet looked at
	space  []byte // what buf is filled from
	read   int    // bytes taken from source
	passed int    // bytes passed on since allow

	inText    bool
	escaped   bool // the character before was a backslash
	digits    int  // of a \u sequence that are still to come
	length    int  // bytes of the current text or number so far
	lastSpace bool
}

func newSqueezer(source io.Reader) *squeezer {
	// White space at the start goes altogether.
	return &squeezer{source: source, space: make([]byte, 16<<10), lastSpace: true}
}

// allow lets another maxEntry bytes pass.
func (s *squeezer) allow() { s.passed = 0 }

func (s *squeezer) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := s.squeeze(p)
		if n > 0 || err != nil {
			return n, err
		}
		read, err := s.source.Read(s.space)
		s.read += read
		s.buf = s.space[:read]
		switch {
		case s.read > maxBody:
			return 0, oversized("the answer is longer than %d bytes, and no Hue bridge has that much to say", maxBody)
		case read == 0 && err != nil:
			return 0, err
		}
	}
}

func (s *squeezer) squeeze(p []byte) (n int, err error) {
	for i, c := range s.buf {
		if n == len(p) {
			s.buf = s.buf[i:]
			return n, nil
		}
		if !s.keep(c) {
			continue
		}
		p[n] = c
		n++
		if s.passed++; s.passed > maxEntry {
			return 0, oversized("one sensor alone is longer than %d bytes", maxEntry)
		}
	}
	s.buf = nil
	return n, nil
}

// keep says whether the next character is passed on.
func (s *squeezer) keep(c byte) bool {
	if !s.inText {
		switch c {
		case ' ', '\t', '\r', '\n':
			first := !s.lastSpace
			s.lastSpace, s.length = true, 0
			return first
		case '"':
			s.inText, s.length, s.lastSpace = true, 0, false
			return true
		case '{', '}', '[', ']', ',', ':':
			s.length, s.lastSpace = 0, false
			return true
		}
		s.lastSpace = false
		s.length++
		return s.length <= maxToken
	}
	switch { // an escape sequence is cut nowhere but at its ends
	case s.escaped:
		s.escaped = false
		if c == 'u' {
			s.digits = 4
		}
		return s.length <= maxToken
	case s.digits > 0:
		s.digits--
		return s.length <= maxToken
	case c == '"':
		s.inText, s.length = false, 0
		return true
	}
	s.length++
	s.escaped = c == '\\'
	return s.length <= maxToken
}

func oversized(format string, args ...any) error {
	return &collectors.PermanentError{Kind: "oversized", Err: fmt.Errorf(format, args...)}
}
