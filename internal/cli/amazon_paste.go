package cli

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"
)

// pasteQuiet is the silence after which a pasted address is complete. The lines of one paste
// arrive within milliseconds.
const pasteQuiet = 300 * time.Millisecond

// pastedAddresses splits the input into addresses, which may be broken into lines. An address
// ends before a line that begins another one, after pasteQuiet, and at the end of the input.
type pastedAddresses struct {
	lines   chan string
	err     error // why lines is closed; io.EOF at the input's end
	ahead   string
	isAhead bool
}

// newPastedAddresses reads from in until its end. A read from a terminal can't be cancelled,
// so the last one ends with the process.
func newPastedAddresses(in io.Reader) *pastedAddresses {
	p := &pastedAddresses{lines: make(chan string)}
	go func() {
		defer close(p.lines)
		reader := bufio.NewReader(in)
		for {
			line, err := reader.ReadString('\n')
			if line != "" {
				p.lines <- line
			}
			if err != nil {
				p.err = err
				return
			}
		}
	}()
	return p
}

// next returns the next address as it was pasted. The error is io.EOF after the last one, or
// the context's.
func (p *pastedAddresses) next(ctx context.Context) (string, error) {
	var parts strings.Builder
	if p.isAhead {
		parts.WriteString(p.ahead)
		p.isAhead = false
	}
	quiet := time.NewTimer(pasteQuiet)
	defer quiet.Stop()
	for {
		var over <-chan time.Time
		if parts.Len() > 0 {
			quiet.Reset(pasteQuiet)
			over = quiet.C
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-over:
			return parts.String(), nil
		case line, ok := <-p.lines:
			switch {
			case !ok && strings.TrimSpace(parts.String()) != "":
				return parts.String(), nil
			case !ok:
				return "", p.err
			case strings.TrimSpace(parts.String()) != "" && beginsAddress(line) && !expectsMore(parts.String()):
				p.ahead, p.isAhead = line, true
				return parts.String(), nil
			default:
				parts.WriteString(line)
			}
		}
	}
}

// beginsAddress reports whether a line is the first one of an address.
func beginsAddress(line string) bool {
	line = strings.ToLower(strings.TrimLeft(line, " \t\"'`<([{"))
	return strings.HasPrefix(line, "https://") || strings.HasPrefix(line, "http://") || strings.HasPrefix(line, "www.")
}

// expectsMore reports whether an address ends where a value belongs that may itself be an
// address.
func expectsMore(address string) bool {
	address = strings.TrimRight(address, " \t\r\n")
	return strings.HasSuffix(address, "=") || strings.HasSuffix(address, "&") || strings.HasSuffix(address, "?")
}
