package history

import (
	"bufio"
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"strconv"
	"time"
)

// maxLine bounds a line, in bytes. The state of a device with all that there is to
// measure has 400.
const maxLine = 16 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// line is what a line says.
type line struct {
	reading bool // else an acknowledgement

	index  uint64 // of the reading, or the first that is acknowledged
	time   time.Time
	device string
	state  []byte // a part of the parsed text

	segment string // whose readings are acknowledged
	last    uint64
}

// appendReading appends the line of a reading to the file of that id.
func appendReading(b []byte, id string, index uint64, at time.Time, device string, state []byte) []byte {
	begin := len(b)
	b = append(b, "00000000 r "...)
	b = strconv.AppendUint(b, index, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, at.UnixMicro(), 10)
	b = append(b, ' ')
	b = append(b, device...)
	b = append(b, ' ')
	b = append(b, state...)
	return finish(b, begin, id)
}

// appendAcknowledgement appends the line, to the file of that id, which
// acknowledges the readings from first to last in the file of another id or the
// same.
func appendAcknowledgement(b []byte, id, of string, first, last uint64) []byte {
	begin := len(b)
	b = append(b, "00000000 a "...)
	b = append(b, of...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, first, 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, last, 10)
	return finish(b, begin, id)
}

const sumDigits = 8

// finish puts the checksum into the line that begins there, and a line break
// behind it.
func finish(b []byte, begin int, id string) []byte {
	const hex = "0123456789abcdef"
	sum := sumOf(b[begin+sumDigits:], id)
	for i := range sumDigits {
		b[begin+i] = hex[sum>>(28-4*i)&0xf]
	}
	return append(b, '\n')
}

// sumOf covers the id of the file too: a line belongs to its file.
func sumOf(text []byte, id string) uint32 {
	return crc32.Update(crc32.Checksum([]byte(id), castagnoli), castagnoli, text)
}

// parse reads a line, without its line break, of the file of that id; ok is false
// for anything but what the two functions above make.
func parse(text []byte, id string) (l line, ok bool) {
	if len(text) < sumDigits+3 || text[sumDigits] != ' ' || text[sumDigits+2] != ' ' {
		return line{}, false
	}
	sum, err := strconv.ParseUint(string(text[:sumDigits]), 16, 32)
	if err != nil || uint32(sum) != sumOf(text[sumDigits:], id) {
		return line{}, false
	}
	rest := text[sumDigits+3:]
	word := func() []byte {
		before, after, found := bytes.Cut(rest, []byte{' '})
		ok = ok && found
		rest = after
		return before
	}
	number := func(word []byte) uint64 {
		n, err := strconv.ParseUint(string(word), 10, 64)
		ok = ok && err == nil && n > 0 && n < math.MaxInt64
		return n
	}
	ok = true
	switch text[sumDigits+1] {
	case 'r':
		l.reading = true
		l.index = number(word())
		micro, err := strconv.ParseInt(string(word()), 10, 64)
		ok = ok && err == nil
		l.time = time.UnixMicro(micro).UTC()
		l.device = string(word())
		l.state = rest
	case 'a':
		l.segment = string(word())
		l.index = number(word())
		l.last = number(rest)
	default:
		return line{}, false
	}
	return l, ok
}

// lines reads a file line by line, however broken it is.
type lines struct {
	reader *bufio.Reader
	text   []byte // the line without its break, until the next call
	whole  bool   // there was a line break
	end    int64  // bytes read up to the line's end, the break included
	err    error  // of reading; nil at the end
}

func newLines(r io.Reader) *lines { return &lines{reader: bufio.NewReaderSize(r, maxLine)} }

// next reads the next line. One longer than maxLine comes in pieces, none of which
// is a line to parse.
func (l *lines) next() bool {
	text, err := l.reader.ReadSlice('\n')
	l.end += int64(len(text))
	switch {
	case err == nil:
		l.text, l.whole = text[:len(text)-1], true
		return true
	case errors.Is(err, bufio.ErrBufferFull), errors.Is(err, io.EOF) && len(text) > 0:
		l.text, l.whole = text, false
		return true
	case !errors.Is(err, io.EOF):
		l.err = err
	}
	return false
}
