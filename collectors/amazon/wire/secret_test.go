package wire_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"hueair2mqtt/collectors/amazon/wire"
)

func TestSecretsAreRedacted(t *testing.T) {
	var r wire.Redactor
	r.Hide(`Atza|one"two`, "Atza|one", "short")
	for text, want := range map[string]string{
		`token Atza|one"two is bad`:           "token [redacted] is bad",
		fmt.Sprintf("%q", `Atza|one"two`):     `"[redacted]"`,
		"Atza|one and short":                  "[redacted] and short",
		"a cookie of a jar":                   "a [redacted] of a jar",
		"nothing to hide, as it is " + "none": "nothing to hide, as it is none",
	} {
		if got := r.Redact(text, "cookie"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if text := r.Redact(url.QueryEscape("Atza|one")); strings.Contains(text, "redacted") {
		t.Errorf("%q was not hidden", text)
	}
}

func TestRedactorForgetsTheOldest(t *testing.T) {
	var r wire.Redactor
	for n := range 600 {
		r.Hide(wire.Secret(fmt.Sprintf("secret-%03d", n)))
	}
	if got := r.Redact("secret-000 secret-599"); got != "secret-000 [redacted]" {
		t.Errorf("redacted %q", got)
	}
}

func TestFaultsOfOnePollAreBounded(t *testing.T) {
	found := wire.Faults{Redact: func(s string) string { return s }}
	for range 60 {
		found.Add("broken")
	}
	if all := found.Errors(); len(all) != 51 || all[50].Error() != "and 10 more entries could not be understood" {
		t.Errorf("%d faults: %v", len(all), all[len(all)-1])
	}
}
