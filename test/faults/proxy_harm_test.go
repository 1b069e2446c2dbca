//go:build faults && linux

package faults

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// echo starts a server that returns what it receives.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // until the client or the proxy ends it
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// TestProxy checks every harm: with a proxy that does no harm, the tests of faults would pass.
func TestProxy(t *testing.T) {
	t.Parallel()
	const word = "hello\n"
	// say sends a word and returns the response and how long it took.
	say := func(conn net.Conn, patience time.Duration) (string, time.Duration, error) {
		began := time.Now()
		if _, err := io.WriteString(conn, word); err != nil {
			return "", 0, err
		}
		if err := conn.SetReadDeadline(began.Add(patience)); err != nil {
			return "", 0, err
		}
		got, err := bufio.NewReader(conn).ReadString('\n')
		return got, time.Since(began), err
	}
	for name, test := range map[string]struct {
		harm      harm
		good      func(got string, took time.Duration, err error) bool
		sparesNew bool // a connection made under the harm is unharmed
		lastingly bool // the connection is harmed after the harm's end
	}{
		"none":  {harm{}, func(got string, _ time.Duration, _ error) bool { return got == word }, true, false},
		"delay": {harm{delay: 200 * time.Millisecond}, func(got string, took time.Duration, _ error) bool { return got == word && took >= 400*time.Millisecond }, false, false},
		"trickle": {harm{trickle: true}, func(got string, _ time.Duration, err error) bool {
			return len(got) < 3 && errors.Is(err, os.ErrDeadlineExceeded)
		}, false, false},
		"drop": {harm{drop: true}, func(got string, _ time.Duration, err error) bool {
			return got == "" && errors.Is(err, os.ErrDeadlineExceeded)
		}, false, true},
		"drop existing": {harm{drop: true, existing: true}, func(got string, _ time.Duration, err error) bool {
			return got == "" && errors.Is(err, os.ErrDeadlineExceeded)
		}, true, true},
		"corrupt": {harm{corrupt: true}, func(got string, _ time.Duration, _ error) bool { return got != word }, false, false},
		"cut": {harm{cut: true}, func(_ string, _ time.Duration, err error) bool {
			return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		}, false, true},
		"half-close": {harm{halfClose: true}, func(got string, _ time.Duration, err error) bool {
			return got == word[:len(word)/2] && errors.Is(err, io.EOF)
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, echo(t), random(t))
			sayAnew := func(patience time.Duration) (string, time.Duration, error) {
				conn, err := net.Dial("tcp", p.address())
				if err != nil {
					return "", 0, err
				}
				defer conn.Close()
				return say(conn, patience)
			}
			existing, err := net.Dial("tcp", p.address())
			if err != nil {
				t.Fatal(err)
			}
			defer existing.Close()
			if got, _, err := say(existing, harness.Patience); got != word {
				t.Fatalf("without harm: %q, %v", got, err)
			}
			p.set(test.harm)
			if got, took, err := say(existing, 2*time.Second); !test.good(got, took, err) {
				t.Errorf("an existing connection: %q after %s, %v", got, took, err)
			}
			got, took, err := sayAnew(2 * time.Second)
			if test.sparesNew && got != word || !test.sparesNew && !test.good(got, took, err) {
				t.Errorf("a new connection: %q after %s, %v", got, took, err)
			}
			p.set(harm{})
			if got, _, _ := sayAnew(harness.Patience); got != word {
				t.Errorf("a connection made after it: %q", got)
			}
			if test.lastingly {
				if got, _, err := say(existing, time.Second); got == word {
					t.Errorf("the connection lives again: %v", err)
				}
			}
		})
	}
}
