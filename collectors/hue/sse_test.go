package hue_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"hueair2mqtt/collectors/hue"
)

func TestSSEReader(t *testing.T) {
	const limit = 1 << 20
	tests := []struct {
		name, text string
		data       []string
		long       int
	}{
		{"as a bridge sends them", ": hi\n\nid: 1:0\ndata: [1]\n\nid: 2:0\ndata: [2]\n\n", []string{"[1]", "[2]"}, 0},
		{"several lines", "data: [\ndata:1\ndata: ]\n\n", []string{"[\n1\n]"}, 0},
		{"carriage returns", "id: 1\r\ndata: [1]\r\n\r\n", []string{"[1]"}, 0},
		{"other fields", "event: x\nretry: 5\nnonsense\ndata: [1]\n\n", []string{"[1]"}, 0},
		{"an event without data", "id: 1\n\n\n\ndata: [1]\n\n", []string{"[1]"}, 0},
		{"empty data", "data\n\ndata:\n\n", []string{"", ""}, 0},
		{"half an event", "data: [1]\n\ndata: [2]\n", []string{"[1]"}, 0},
		{"half a line", "data: [1]\n\nda", []string{"[1]"}, 0},
		{"nothing", "", nil, 0},
		{"longer than a buffer", "data: " + strings.Repeat("x", 100_000) + "\n\ndata: [2]\n\n", []string{strings.Repeat("x", 100_000), "[2]"}, 0},
		{"a line too long", "data: " + strings.Repeat("x", limit) + "\ndata: y\n\ndata: [2]\n\n", []string{"[2]"}, 1},
		{"lines too many", strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 2000) + "\ndata: [2]\n\n", []string{"[2]"}, 1},
		{"a comment too long", ":" + strings.Repeat("x", limit) + "\n\ndata: [2]\n\n", []string{"[2]"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				data, long, err := hue.ReadEvents(in)
				if !errors.Is(err, io.EOF) || long != test.long || !slices.Equal(data, test.data) {
					t.Errorf("%.100q, %d too long, %v", data, long, err)
				}
			}
		})
	}
}

func FuzzServerSentEvents(f *testing.F) {
	f.Add(": hi\n\nid: 1:0\ndata: [1]\n\n")
	f.Add("data: a\ndata:b\r\n\r\ndata")
	f.Fuzz(func(t *testing.T, text string) {
		all, _, err := hue.ReadEvents(strings.NewReader(text))
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		slow, _, _ := hue.ReadEvents(iotest.OneByteReader(strings.NewReader(text)))
		if !slices.Equal(all, slow) {
			t.Errorf("%q at once, %q byte by byte", all, slow)
		}
	})
}
