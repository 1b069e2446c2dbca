package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// TestSecurityNamesTestsThatExist checks that every threat in SECURITY.md names tests and that they
// exist.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	tests := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, found := range declared.FindAllSubmatch(content, -1) {
			tests[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	content := harness.ReadFile(t, filepath.Join(root, "SECURITY.md"))
	_, threats, found := strings.Cut(content, "\n## Threats\n")
	threats, _, _ = strings.Cut(threats, "\n## ")
	if !found || strings.Count(threats, "\n| ") < 20 {
		t.Fatal("SECURITY.md has no table of threats")
	}
	named := regexp.MustCompile("`(Test\\w+)`")
	for line := range strings.Lines(threats) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || cells[1] == "---" || cells[1] == " threat " || strings.HasPrefix(cells[1], " **") {
			continue
		}
		names := named.FindAllStringSubmatch(cells[3], -1)
		if len(names) == 0 {
			t.Errorf("no test holds the threat that somebody%s", cells[1])
		}
		for _, name := range names {
			if !tests[name[1]] {
				t.Errorf("there is no %s", name[1])
			}
		}
	}
}
