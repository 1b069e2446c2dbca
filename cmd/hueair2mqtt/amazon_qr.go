package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
	"rsc.io/qr"
)

// quietZone is the empty frame that a scanner needs around a code, in modules.
// The standard asks for four; phones do with two, and terminals are small.
const quietZone = 2

// qrCodeFor draws an address for a terminal that can show it; else it is empty.
func qrCodeFor(out io.Writer, address string) string {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || !showsBlocks(os.Getenv) {
		return ""
	}
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return ""
	}
	return drawQRCode(address, columns, rows)
}

// showsBlocks says whether a terminal with this environment shows half blocks.
func showsBlocks(getenv func(string) string) bool {
	if kind := getenv("TERM"); kind == "" || kind == "dumb" {
		return false
	}
	// The first that is set counts (POSIX, 8.2).
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(getenv(name)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return false
}

// drawQRCode draws text with two modules a character, one above the other, white
// on black in both senses of colour themes. It is empty if the terminal is too
// small: a code that is cut off can't be scanned.
func drawQRCode(text string, columns, rows int) string {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return ""
	}
	size := code.Size + 2*quietZone
	if size > columns || (size+1)/2 >= rows {
		return ""
	}
	white := func(x, y int) bool {
		return !code.Black(x-quietZone, y-quietZone) // outside of the code nothing is black
	}
	var b strings.Builder
	for y := 0; y < size; y += 2 {
		b.WriteString("\x1b[97;40m") // bright white on black, whatever the theme is
		for x := range size {
			switch above, below := white(x, y), y+1 < size && white(x, y+1); {
			case above && below:
				b.WriteRune('█')
			case above:
				b.WriteRune('▀')
			case below:
				b.WriteRune('▄')
			default:
				b.WriteRune(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}
