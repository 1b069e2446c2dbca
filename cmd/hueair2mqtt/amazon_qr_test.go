package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"rsc.io/qr"
)

const longAddress = "https://www.amazon.co.uk/ap/signin?"

func TestQRCodeIsDrawnWhole(t *testing.T) {
	text := longAddress + strings.Repeat("a%3A", 230) // as long as Amazon's
	drawn := drawQRCode(text, 200, 100)
	if drawn == "" {
		t.Fatal("nothing is drawn")
	}
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	size := code.Size + 2*quietZone
	lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
	if len(lines) != (size+1)/2 {
		t.Fatalf("%d lines for %d modules", len(lines), size)
	}
	for row, line := range lines {
		line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[97;40m"), "\x1b[0m")
		if n := utf8.RuneCountInString(line); n != size {
			t.Fatalf("line %d has %d modules, want %d", row, n, size)
		}
		for x, r := range []rune(line) {
			above, below := r == '█' || r == '▀', r == '█' || r == '▄'
			y := 2 * row
			if above == code.Black(x-quietZone, y-quietZone) {
				t.Fatalf("module %d, %d is wrong", x, y)
			}
			if y+1 < size && below == code.Black(x-quietZone, y+1-quietZone) {
				t.Fatalf("module %d, %d is wrong", x, y+1)
			}
		}
	}
	for _, small := range [][2]int{{size - 1, 200}, {200, (size + 1) / 2}, {80, 24}, {0, 0}} {
		if drawQRCode(text, small[0], small[1]) != "" {
			t.Errorf("a code is drawn into %v, where it does not fit", small)
		}
	}
	if drawQRCode(strings.Repeat("x", 5000), 1000, 1000) != "" {
		t.Error("a code is drawn of what is too long for one")
	}
}

func TestQRCodeOnlyInATerminalThatShowsIt(t *testing.T) {
	if qrCodeFor(new(bytes.Buffer), longAddress) != "" {
		t.Error("a code is drawn into a buffer")
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if qrCodeFor(file, longAddress) != "" {
		t.Error("a code is drawn into a file")
	}
	for _, test := range []struct {
		environment map[string]string
		want        bool
	}{
		{map[string]string{"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}, true},
		{map[string]string{"TERM": "xterm", "LC_CTYPE": "C.utf8", "LANG": "C"}, true},
		{map[string]string{"TERM": "xterm", "LC_ALL": "C", "LANG": "en_GB.UTF-8"}, false},
		{map[string]string{"TERM": "dumb", "LANG": "en_GB.UTF-8"}, false},
		{map[string]string{"LANG": "en_GB.UTF-8"}, false},
		{map[string]string{"TERM": "linux"}, false},
	} {
		if got := showsBlocks(func(name string) string { return test.environment[name] }); got != test.want {
			t.Errorf("%v: %t, want %t", test.environment, got, test.want)
		}
	}
}
