package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"

	"hueair2mqtt/internal/cli"
)

// documents returns the text of each document by its path below the repository.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = string(content)
		}
	}
	return all
}

// TestLinksOfDocuments follows every link within the repository, to a file and to
// a heading of a document.
func TestLinksOfDocuments(t *testing.T) {
	all := documents(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for file, text := range all {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target, fragment, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := file
			if target != "" {
				path = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(filepath.Join("..", "..", path)); err != nil {
				t.Errorf("%s links to %s: %v", file, found[1], err)
			}
			if fragment != "" && !slices.Contains(anchors(all[path]), fragment) {
				t.Errorf("%s links to %s, and %s has no such heading", file, found[1], path)
			}
		}
	}
}

// anchors returns the fragments of a document's headings, as GitHub makes them.
func anchors(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		level, title, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.Trim(level, "#") != "" {
			continue
		}
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, title))
	}
	return found
}

// TestTargetsOfDocuments checks that the Makefile has every target that a document names.
func TestTargetsOfDocuments(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("(?m)(?:`|^    )make ([a-z][a-z-]*)")
	for file, text := range documents(t) {
		for _, found := range named.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(string(makefile), "\n"+found[1]+":") {
				t.Errorf("%s names make %s, which the Makefile does not have", file, found[1])
			}
		}
	}
}

// TestCommandsOfDocuments compares the table of commands with the commands.
func TestCommandsOfDocuments(t *testing.T) {
	var want []string
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			if below.Hidden || below.Name() == "help" || below.Name() == "completion" {
				continue
			}
			if !below.HasSubCommands() {
				want = append(want, below.CommandPath())
			}
			visit(below)
		}
	}
	visit(cli.NewRootCommand())

	var got []string
	row := regexp.MustCompile("(?m)^\\| `(hueair2mqtt(?: [a-z]+)+)[^`]*` \\|")
	for _, found := range row.FindAllStringSubmatch(documents(t)["docs/operation.md"], -1) {
		got = append(got, found[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/operation.md lists\n%s\nthe program has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDependenciesOfDocuments compares the table of dependencies with go.mod.
func TestDependenciesOfDocuments(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	direct, _, _ := strings.Cut(string(content), "\n)")
	var want, got []string
	for _, found := range regexp.MustCompile(`(?m)^\t(\S+) v`).FindAllStringSubmatch(direct, -1) {
		want = append(want, found[1])
	}
	for _, row := range regexp.MustCompile(`(?m)^\| ([a-z.]+/[^|]+) \|`).FindAllStringSubmatch(documents(t)["CONTRIBUTING.md"], -1) {
		got = append(got, strings.Split(row[1], ", ")...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("CONTRIBUTING.md lists\n%s\ngo.mod requires\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestFilesOfArchitecture checks that the repository has the Go files and folders that the
// architecture names. A path may lack its beginning.
func TestFilesOfArchitecture(t *testing.T) {
	var paths strings.Builder
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return filepath.SkipDir
		}
		paths.WriteString(filepath.ToSlash(path) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9_/]+(?:\\.go|/[a-z0-9]+))`")
	for _, found := range named.FindAllStringSubmatch(documents(t)["docs/architecture.md"], -1) {
		if !strings.Contains(paths.String(), "/"+found[1]+"\n") {
			t.Errorf("docs/architecture.md names %s, which does not exist", found[1])
		}
	}
}

// TestLargePackagesGiveAReason requires a reason in the package comment of every package with
// more than 1,500 lines of code outside its tests.
func TestLargePackagesGiveAReason(t *testing.T) {
	const reason = "more than 1,500 lines because"
	lines, reasons := map[string]int{}, map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..":
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		content, err := os.ReadFile(path)
		folder := filepath.Dir(path)
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines[folder]++
			}
		}
		comment, _, _ := strings.Cut(string(content), "\npackage ")
		reasons[folder] = reasons[folder] || strings.Contains(comment, reason)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, n := range lines {
		if n > 1500 && !reasons[folder] {
			t.Errorf("%s has %d lines and no reason in its package comment: %q", folder, n, reason+" …")
		}
	}
}
