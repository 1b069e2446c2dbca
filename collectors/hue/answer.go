package hue

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

// Limits of an answer. A Hue bridge has some hundred sensors of about 500 bytes each; an
// answer far beyond that is faulty, and must not cost the memory that it asks for.
const (
	maxBody    = 32 << 20  // of the whole answer, in bytes
	maxEntry   = 256 << 10 // of one entry, in bytes, after squeezing
	maxEntries = 16 << 10
	maxToken   = 4 << 10 // of one text or number, in bytes; the rest is dropped
)

// answer reads the JSON of a bridge entry by entry, so that it is never in memory as a
// whole. Its errors are classified.
type answer struct {
	*json.Decoder
	client   *pairing.Client
	squeezed *squeezer
	start    byte // the first character
	raw      json.RawMessage
}

// readAnswer begins to read an answer. It returns an error unless JSON follows.
func readAnswer(client *pairing.Client, resp *http.Response) (*answer, error) {
	if resp.ContentLength > maxBody {
		return nil, oversized("the answer announces %d bytes; a Hue bridge sends at most %d", resp.ContentLength, maxBody)
	}
	a := &answer{client: client, squeezed: newSqueezer(resp.Body)}
	in := bufio.NewReader(a.squeezed)
	start, err := in.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return nil, emptyAnswer("no text at all")
	case err != nil:
		return nil, a.failure(err)
	case start[0] == '<':
		return nil, malformed("the response is a page of HTML or XML, not JSON; is %s the Hue bridge?", client.Setting())
	}
	a.Decoder, a.start = json.NewDecoder(in), start[0]
	return a, nil
}

// next reads one entry. It is valid until the next call.
func (a *answer) next() (json.RawMessage, error) {
	a.squeezed.allow()
	a.raw = a.raw[:0]
	err := a.Decode(&a.raw)
	return a.raw, err
}

// unexpected returns the error of an answer that is neither of what was asked nor a list of
// errors.
func (a *answer) unexpected(wanted string) error {
	var value any
	if err := a.Decode(&value); err != nil {
		return a.failure(err)
	}
	switch v := value.(type) {
	case nil:
		return emptyAnswer("null")
	case string:
		if v == "" {
			return emptyAnswer("an empty text")
		}
	case []any:
		if len(v) == 0 {
			return emptyAnswer("an empty list")
		}
	}
	return malformed("the response is %s, not %s", kindOf(value), wanted)
}

// failure classifies an error of reading or parsing the answer.
func (a *answer) failure(err error) error {
	var (
		permanent      *collectors.PermanentError // such as the squeezer's
		transient      *collectors.TransientError
		authentication *collectors.AuthenticationError
		syntax         *json.SyntaxError
		wrong          *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &permanent), errors.As(err, &transient), errors.As(err, &authentication):
		return err
	case errors.As(err, &syntax), errors.As(err, &wrong):
		return malformed("the response is not JSON: %s", a.client.Clean(err.Error()))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &collectors.TransientError{Kind: "truncated", Err: errors.New("the response is truncated")}
	}
	return a.client.NetworkError("reading the answer", err)
}

// emptyAnswer is the error of an answer without entries. A bridge that is starting or
// overloaded gives one.
func emptyAnswer(what string) error {
	return &collectors.TransientError{Kind: "empty", Err: fmt.Errorf(
		"the response is empty (%s), which is a fault of the Hue bridge: every one has sensors and devices of its own", what)}
}

func malformed(format string, args ...any) error {
	return &collectors.PermanentError{Kind: "malformed", Err: fmt.Errorf(format, args...)}
}

func oversized(format string, args ...any) error {
	return &collectors.PermanentError{Kind: "oversized", Err: fmt.Errorf(format, args...)}
}

// wrongType describes in plain words a value of the wrong type.
func wrongType(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	want := "a number in range"
	switch wrong.Type.Kind() {
	case reflect.String:
		want = "a text"
	case reflect.Map, reflect.Struct:
		want = "an object"
	case reflect.Slice:
		want = "a list"
	case reflect.Bool:
		want = "true or false"
	case reflect.Int:
		want = "a whole number"
	}
	return fmt.Errorf("%s is of type %s, not %s", cmp.Or(wrong.Field, "it"), collectors.CleanText(wrong.Value), want)
}

// kindOf returns the type of a JSON value in plain words.
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

// maxFaults is the max number of faults of one answer that are logged.
const maxFaults = 20

// faults collects the errors of single entries of one answer.
type faults struct {
	errs []error
	more int
}

func (f *faults) add(format string, args ...any) {
	if len(f.errs) == maxFaults {
		f.more++
		return
	}
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

// list returns a new slice.
func (f *faults) list() []error {
	all := slices.Clone(f.errs)
	if f.more > 0 {
		all = append(all, fmt.Errorf("and %d more faults in the same response", f.more))
	}
	return all
}

// squeezer reads JSON without what makes a parser buffer more than it needs: it keeps the
// first of consecutive white space outside texts, and up to maxToken of a text or number.
// It returns an error once the source has returned more than maxBody, or more than
// maxEntry has passed since the last call of allow.
//
// It knows just enough of JSON to find the ends of texts; the parser handles all other
// errors.
type squeezer struct {
	source io.Reader
	buf    []byte // read, not processed
	space  []byte // the memory of buf
	read   int    // bytes read from source
	passed int    // bytes passed on since allow

	inText    bool
	escaped   bool // the previous character was a backslash
	digits    int  // remaining digits of a \u sequence
	length    int  // of the current text or number so far, in bytes
	lastSpace bool
}

func newSqueezer(source io.Reader) *squeezer {
	// Leading white space is dropped.
	return &squeezer{source: source, space: make([]byte, 16<<10), lastSpace: true}
}

// allow allows another maxEntry bytes.
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
			return 0, oversized("the response is longer than %d bytes, and a Hue bridge sends less", maxBody)
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
			return 0, oversized("a single entry is longer than %d bytes", maxEntry)
		}
	}
	s.buf = nil
	return n, nil
}

// keep reports whether the next character is kept.
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
	switch { // an escape sequence is never cut in the middle
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
