package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// Older patch releases of Go 1.26 have known vulnerabilities.
func TestGoHasNoKnownVulnerabilities(t *testing.T) {
	if !strings.Contains(harness.ReadFile(t, filepath.Join("..", "..", "go.mod")), "\ngo 1.26.8\n") {
		t.Error("go.mod does not ask for Go 1.26.8")
	}
}

// make vulncheck passes with a notice if its database is unreachable, and fails for any other
// reason.
func TestVulncheckHidesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		good   bool
		says   string
	}{
		"nothing found":            {"echo No vulnerabilities found.", true, "No vulnerabilities found."},
		"found":                    {"echo 'Vulnerability #1: GO-2026-0001'; echo exit status 3 >&2; exit 1", false, "GO-2026-0001"},
		"database out of reach":    {`echo 'govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": dial tcp: no such host' >&2; exit 1`, true, "SKIPPED: the database"},
		"database broken":          {"echo 'govulncheck: fetching vulnerabilities: HTTP GET https://vuln.go.dev returned unexpected status: 500' >&2; exit 1", false, "500"},
		"tool can't be downloaded": {"echo 'go: golang.org/x/vuln: dial tcp: no such host' >&2; exit 1", false, "no such host"},
		"does not compile":         {"echo 'govulncheck: loading packages' >&2; exit 1", false, "loading packages"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := filepath.Join(t.TempDir(), "go")
			harness.WriteFile(t, fake, "#!/bin/sh\n"+test.script+"\n", 0o700)
			make := exec.Command("make", "--no-print-directory", "vulncheck", "GO="+fake)
			make.Dir = filepath.Join("..", "..")
			out, err := make.CombinedOutput()
			if (err == nil) != test.good || !strings.Contains(string(out), test.says) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	content, err := os.ReadFile(filepath.Join("..", "..", ".ci", "run"))
	if err != nil || !strings.Contains(string(content), "\nmake vulncheck\n") {
		t.Errorf(".ci/run does not look for vulnerabilities (%v)", err)
	}
}
