package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPastedInputIsSplitIntoAddresses(t *testing.T) {
	for name, test := range map[string]struct {
		input string
		want  []string
	}{
		"one":                      {"https://a/b\n", []string{"https://a/b\n"}},
		"without an end":           {"https://a/b", []string{"https://a/b"}},
		"one in three lines":       {"https://a\n/b\n?c=d\n", []string{"https://a\n/b\n?c=d\n"}},
		"a blank line within":      {"https://a\n\n/b", []string{"https://a\n\n/b"}},
		"two":                      {"https://a\n/b\n'https://c\n/d", []string{"https://a\n/b\n", "'https://c\n/d"}},
		"words, then one":          {"yes\nI did\n  www.amazon.de/x\n", []string{"yes\nI did\n", "  www.amazon.de/x\n"}},
		"broken before an address": {"https://a?b=\nhttps://c&\nhttp://d", []string{"https://a?b=\nhttps://c&\nhttp://d"}},
		"nothing":                  {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPastedAddresses(strings.NewReader(test.input))
			var got []string
			for {
				address, err := p.next(t.Context())
				if err != nil {
					if !errors.Is(err, io.EOF) {
						t.Error(err)
					}
					break
				}
				got = append(got, address)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("addresses %q, want %q", got, test.want)
			}
		})
	}
}

// A user pastes and waits: a paste is complete when no more input arrives.
func TestPasteEndsWhenInputIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		p := newPastedAddresses(reader)
		typed := func(text string) {
			go func() {
				if _, err := io.WriteString(writer, text); err != nil {
					t.Error(err)
				}
			}()
		}
		typed("https://a\n/b\n")
		start := time.Now()
		if address, err := p.next(t.Context()); err != nil || address != "https://a\n/b\n" || time.Since(start) != pasteQuiet {
			t.Errorf("%q (%v) after %v", address, err, time.Since(start))
		}
		typed("\n")
		if address, err := p.next(t.Context()); err != nil || strings.TrimSpace(address) != "" {
			t.Errorf("%q (%v), want an empty line", address, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		if _, err := p.next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		writer.Close()
		if _, err := p.next(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("error %v, want the end of the input", err)
		}
	})
}
