package history_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzRead overwrites a part of a file, as a failing disk may, and adds another file of
// random content. All readings outside the part are replayed in order and once, and
// nothing else is.
func FuzzRead(f *testing.F) {
	f.Add(uint16(0), []byte("x"), []byte("00000000 r 1 1 hue_1 {}\n"))
	f.Add(uint16(40), []byte("\n"), []byte("\n\n\n"))
	f.Add(uint16(100), bytes.Repeat([]byte{0}, 300), []byte{})
	f.Add(uint16(700), []byte("a aaaaaaaaaa 1 18446744073709551615"), bytes.Repeat([]byte("y"), 40000))
	f.Fuzz(func(t *testing.T, at uint16, piece, other []byte) {
		dir := t.TempDir()
		k := openLog(t, dir)
		k.add(false, 1, 9)
		file := filesIn(t, dir)[0]
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		k.Close()
		begin := min(int(at), len(content))
		end := min(begin+len(piece), len(content))
		var hit []int
		for i := begin; i < end; i++ {
			hit = append(hit, touched(content, i)...)
		}
		copy(content[begin:end], piece)
		for name, bytes := range map[string][]byte{filepath.Base(file): content, "00000002-aaaaaaaaaa.history": other} {
			if err := os.WriteFile(filepath.Join(dir, name), bytes, 0o600); err != nil {
				t.Fatal(err)
			}
		}

		k = openLog(t, dir)
		defer k.Close()
		got := numbers(t, k.replay())
		for n := 1; n <= 9; n++ {
			if !slices.Contains(hit, n) && !slices.Contains(got, n) {
				t.Errorf("%d is missing in %v, though only %v were touched", n, got, hit)
			}
		}
		for i, n := range got {
			if n < 1 || n > 9 || i > 0 && n <= got[i-1] {
				t.Errorf("came %v", got)
			}
		}
		if s := k.Stats(); s.Waiting != 0 || s.Bytes != 0 {
			t.Errorf("%+v", s)
		}
	})
}
