package history

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"
	"time"
)

// maxLine bounds a line, in bytes. The state of a device with every measurement has
// about 400.
const maxLine = 16 << 10

// line is a parsed line.
type line struct {
	reading bool // else an acknowledgement

	index  uint64 // of the reading, or the first acknowledged one
	time   time.Time
	device string
	state  []byte // a part of the parsed text

	segment string // with the acknowledged readings
	last    uint64
}

// appendReading appends a reading as a line of the file with that id.
func appendReading(b []byte, id string, index uint64, at time.Time, device string, state []byte) []byte {
	return appendLine(b, id, fmt.Appendf(nil, " r %d %d %s %s", index, at.UnixMicro(), device, state))
}

// appendAcknowledgement appends a line of the file with that id. It acknowledges the
// readings from first to last in the file of.
func appendAcknowledgement(b []byte, id, of string, first, last uint64) []byte {
	return appendLine(b, id, fmt.Appendf(nil, " a %s %d %d", of, first, last))
}

// appendLine appends the checksum, the text and a line break.
func appendLine(b []byte, id string, text []byte) []byte {
	return fmt.Appendf(b, "%08x%s\n", checksum(text, id), text)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the id of the file too, so that a line is valid in its file only.
func checksum(text []byte, id string) uint32 {
	return crc32.Update(crc32.Checksum([]byte(id), castagnoli), castagnoli, text)
}

// parse parses a line, without its line break, of the file with that id. It reports
// whether the line is valid.
func parse(text []byte, id string) (l line, ok bool) {
	const sumDigits = 8
	fields := bytes.SplitN(text, []byte{' '}, 6)
	if len(fields) < 5 || len(fields[0]) != sumDigits {
		return line{}, false
	}
	sum, err := strconv.ParseUint(string(fields[0]), 16, 32)
	if err != nil || uint32(sum) != checksum(text[sumDigits:], id) {
		return line{}, false
	}
	number := func(field int) uint64 {
		n, err := strconv.ParseUint(string(fields[field]), 10, 64)
		ok = ok && err == nil && n > 0 && n < math.MaxInt64
		return n
	}
	switch kind := string(fields[1]); {
	case kind == "r" && len(fields) == 6:
		micro, err := strconv.ParseInt(string(fields[3]), 10, 64)
		ok = err == nil
		l = line{reading: true, index: number(2), time: time.UnixMicro(micro).UTC(), device: string(fields[4]), state: fields[5]}
	case kind == "a" && len(fields) == 5:
		ok = true
		l = line{segment: string(fields[2]), index: number(3), last: number(4)}
	}
	return l, ok
}

// lines reads a file line by line, even a damaged one.
type lines struct {
	reader *bufio.Reader
	text   []byte // the line without its line break, valid until the next call
	whole  bool   // it had a line break
	end    int64  // of the line, with its line break, in bytes from the start
	err    error  // of reading; nil at the end
}

func newLines(r io.Reader) *lines { return &lines{reader: bufio.NewReaderSize(r, maxLine)} }

// next reads the next line and reports whether there is one. A line longer than
// maxLine is returned in parts, none of which is valid.
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
