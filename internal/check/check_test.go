package check_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/sources"
)

func TestOutcome(t *testing.T) {
	pass, warning, fail := check.Passed("a", "well"), check.Warned("b", "mend it", "so so"), check.Failed("c", "mend it", "ill")
	unusable := fail
	unusable.Unusable = true
	for _, test := range []struct {
		findings         []check.Finding
		failed, unusable bool
	}{
		{nil, false, false},
		{[]check.Finding{pass, warning}, false, false},
		{[]check.Finding{pass, fail, warning}, true, false},
		{[]check.Finding{fail, unusable, pass}, true, true},
	} {
		if failed, unusable := check.Outcome(test.findings); failed != test.failed || unusable != test.unusable {
			t.Errorf("%v: failed %v, unusable %v", test.findings, failed, unusable)
		}
	}
}

func TestTextAndJSON(t *testing.T) {
	findings := []check.Finding{
		check.Passed("a", "well"),
		check.Failed("component b", "mend <it>", "two\nlines"),
	}
	var text, json bytes.Buffer
	if err := check.WriteText(&text, findings); err != nil {
		t.Fatal(err)
	}
	want := "pass  a            well\nfail  component b  two lines  ->  mend <it>\n\nFailed: 1. Warnings: 0. Passed: 1. The remedy follows each arrow.\n"
	if text.String() != want {
		t.Errorf("%s", &text)
	}
	if err := check.WriteJSON(&json, findings[1:]); err != nil {
		t.Fatal(err)
	}
	want = "[\n  {\n    \"component\": \"component b\",\n    \"status\": \"fail\",\n    \"reason\": \"two lines\",\n    \"remedy\": \"mend <it>\"\n  }\n]\n"
	if json.String() != want {
		t.Errorf("%s", &json)
	}
	json.Reset()
	if err := check.WriteJSON(&json, nil); err != nil || json.String() != "[]\n" {
		t.Errorf("%s, %v", &json, err)
	}
}

// A probe that has not answered in time has failed. The findings of the others are in order.
func TestRunEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ever := make(chan struct{})
		defer close(ever)
		look := func(wait func(ctx context.Context), text string) check.Probe {
			return check.Probe{Component: text, Look: func(ctx context.Context) []check.Finding {
				wait(ctx)
				return []check.Finding{check.Passed(text, "%v", ctx.Err())}
			}}
		}
		began := time.Now()
		findings := check.Run(t.Context(), began.Add(10*time.Second), []check.Probe{
			look(func(context.Context) { <-ever }, "never"),
			look(func(context.Context) {}, "at once"),
			look(func(ctx context.Context) { <-ctx.Done() }, "when cancelled"),
			look(func(context.Context) { <-ever }, "never either"),
		})
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("took %v", d)
		}
		var got []string
		for _, f := range findings {
			got = append(got, f.Component+": "+string(f.Status)+" "+f.Reason)
		}
		want := "never: fail did not answer within 10 s, at once: pass <nil>, when cancelled: pass context deadline exceeded, never either: fail did not answer within 10 s"
		if strings.Join(got, ", ") != want {
			t.Errorf("%q", got)
		}
	})
}

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		mode os.FileMode
		kept bool
		want string // a part of what is wrong; "" for nothing
	}{
		"for the owner": {0o600, false, ""},
		"read only":     {0o400, false, ""},
		"for all":       {0o604, false, "every user of this machine may read"},
		"by all":        {0o622, true, "every user of this machine may change"},
		"by the group":  {0o660, false, "may change"},
		"for its group": {0o640, false, ""}, // the service's own
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, test.mode); err != nil {
			t.Fatal(err)
		}
		findings := check.SecretFile(sources.SecretFile{Name: "key", Path: file, Kept: test.kept}, dir)
		if test.want == "" && len(findings) == 0 {
			continue
		}
		status := check.Warning
		if test.kept { // what others could have written is not trusted
			status = check.Fail
		}
		if len(findings) != 1 || findings[0].Status != status || test.want == "" || !strings.Contains(findings[0].Reason, test.want) {
			t.Errorf("%s: %+v", name, findings)
		}
	}
	for _, test := range []struct {
		path string
		kept bool
		want string
	}{
		{filepath.Join(dir, "none"), true, ""},
		{filepath.Join(dir, "none"), false, "there is no file"},
		{dir, false, "is a directory"},
		{os.DevNull, false, "is a device"},
	} {
		findings := check.SecretFile(sources.SecretFile{Name: "key", Path: test.path, Kept: test.kept, Renew: "write it"}, dir)
		if test.want == "" && len(findings) == 0 {
			continue
		}
		if len(findings) != 1 || findings[0].Status != check.Fail || findings[0].Remedy != "write it" || !strings.Contains(findings[0].Reason, test.want) {
			t.Errorf("%+v: %+v", test, findings)
		}
	}
}
