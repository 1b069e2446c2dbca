package account_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

func netscape(account *amazontest.Account) string {
	var b strings.Builder
	b.WriteString("# Netscape HTTP Cookie File\r\n# This is a generated file! Do not edit.\r\n\r\n")
	b.WriteString(".example.org\tTRUE\t/\tTRUE\t1999999999\tat-acbuk\tforeign\r\n")
	for i, name := range slices.Sorted(maps.Keys(account.Cookies())) {
		prefix := []string{"", "#HttpOnly_"}[i%2]
		fmt.Fprintf(&b, "%s.amazon.co.uk\tTRUE\t/\tTRUE\t1999999999\t%s\t\"%s\"\r\n", prefix, name, account.Cookies()[name])
	}
	b.WriteString(".amazon.com\tTRUE\t/\tTRUE\t1999999999\tat-acbuk\tforeign\r\nwww.amazon.co.uk\tFALSE\t/\tFALSE\t0\tsession-id\tweaker\r\n")
	return b.String()
}

func secretsYAML(account *amazontest.Account) string {
	var b strings.Builder
	b.WriteString("# secrets of the bridge\nhue:\n  username: abc\namazon_aqm:\n  domain: amazon.co.uk\n  cookies:\n")
	for name, value := range account.Cookies() {
		fmt.Fprintf(&b, "    %s: '\"%s\"'\n", name, value)
	}
	return b.String()
}

func TestCookiesInThreeFormats(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		for name, content := range map[string]string{
			"JSON":          jsonCookies(h.Account, `"\"%s\""`),
			"JSON with BOM": "\ufeff\n" + jsonCookies(h.Account, `"%s"`),
			"Netscape":      netscape(h.Account),
			"secrets.yaml":  secretsYAML(h.Account),
		} {
			h.Write(content)
			if snapshot, err := h.Collect(); err != nil || len(snapshot.Devices) != 2 {
				t.Errorf("%s: %d devices, error %v", name, len(snapshot.Devices), err)
			}
		}
	})
}

func jsonCookies(account *amazontest.Account, format string) string {
	var fields []string
	for name, value := range account.Cookies() {
		fields = append(fields, fmt.Sprintf(`"%s": `+format, name, value))
	}
	return "{" + strings.Join(fields, ",\n ") + "}"
}

// The file is looked at in each poll, so a repaired sign-in needs no restart.
func TestNewCookiesNeedNoRestart(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		good := h.Account.Cookies()
		bad := maps.Clone(good)
		bad["at-acbuk"] = "expired"
		h.WriteCookies(bad)
		_, err := h.Collect()
		alexa.WantAuthentication(t, err, "HTTP 401", h.Cookies)
		h.WriteCookies(good)
		h.CleanPoll()

		// The csrf cookie that Alexa set is the old session's: a new file replaces it.
		good["csrf"] = "of the file"
		h.WriteCookies(good)
		_, err = h.Collect()
		alexa.WantAuthentication(t, err, "HTTP 403", h.Cookies)

		if err := os.Remove(h.Cookies); err != nil {
			t.Fatal(err)
		}
		_, err = h.Collect()
		alexa.WantAuthentication(t, err, "no cookies", h.Cookies)
		delete(good, "csrf")
		h.WriteCookies(good)
		h.CleanPoll()
	})
}

// An editor or a copy may be in the middle of writing the file. The session is as
// good as before, and only Amazon knows when it is not.
func TestMissingCookiesFileKeepsTheSession(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		good := h.Account.Cookies()
		h.WriteCookies(good)
		h.CleanPoll()
		h.Write(`{"at-m`)
		alexa.WantFault(t, h.Poll(), h.Cookies, "the previous cookies are used")
		if err := os.Remove(h.Cookies); err != nil {
			t.Fatal(err)
		}
		alexa.WantFault(t, h.Poll(), h.Cookies, "the previous cookies are used")
		h.Account.Revoke()
		_, err := h.Collect()
		alexa.WantAuthentication(t, err, "HTTP 401", h.Cookies)
		_, err = h.Collect()
		alexa.WantAuthentication(t, err, "no cookies", h.Cookies)
		h.Account.Restore()
		h.WriteCookies(good)
		h.CleanPoll()
	})
}

// Other cookies may be another account's, which has other monitors.
func TestNewCookiesListTheMonitors(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		cookies := h.Account.Cookies()
		cookies["lc-acbuk"] = "en_GB"
		h.WriteCookies(cookies)
		for want := range slices.Values([]int{2, 1}) {
			if n := h.Counting("", func() { h.CleanPoll() }); n != want {
				t.Errorf("%d calls, want %d", n, want)
			}
		}
	})
}

// Cookies that an answer spoilt are those of the file again after a refusal.
func TestSpoiltCookiesAreReadAgain(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		spoil := amazontest.Status(503, map[string][]string{"Set-Cookie": {"at-acbuk=; Max-Age=0", "session-token=other"}}, "")
		h.Account.Script(spoil)
		_, err := h.Collect()
		alexa.WantAuthentication(t, err, "HTTP 401", h.Cookies)
		h.CleanPoll()
	})
}

// A refusal that ends no poll leaves the session as it is.
func TestRefusedFallbackKeepsTheSession(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(
			alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[`+alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("4", "40"))+`]}}}`),
			amazontest.Status(403, map[string][]string{"Set-Cookie": {"at-acbuk=gone"}}, ""),
		)
		alexa.WantFault(t, h.Poll(), "403")
		h.CleanPoll()
	})
}

func TestResponsesSetCookies(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		cookies := h.Account.Cookies()
		maps.Copy(cookies, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
		h.WriteCookies(cookies)
		h.CleanPoll()
		set := []string{
			"a=gone; Max-Age=0", "b=", "c=gone; Expires=Mon, 01 Jan 1990 00:00:00 GMT", "d=5; Expires=Mon, 01 Jan 2035 00:00:00 GMT",
			`e="6"`, "long=" + strings.Repeat("x", 5000),
		}
		for i := range 300 {
			set = append(set, fmt.Sprintf("more%d=x", i))
		}
		var got string
		h.Account.Script(amazontest.Status(503, map[string][]string{"Set-Cookie": set}, ""), func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Cookie")
			h.Account.ServeHTTP(w, r)
		})
		h.CleanPoll()
		for _, want := range []string{"d=5", "e=6", "more0=x"} {
			if !slices.Contains(strings.Split(got, "; "), want) {
				t.Errorf("cookies %q lack %s", got, want)
			}
		}
		for _, name := range []string{"a", "b", "c", "long", "more299"} {
			if strings.Contains("; "+got, "; "+name+"=") {
				t.Errorf("cookies %q hold %s", got, name)
			}
		}
	})
}

func TestUnusableCookiesFile(t *testing.T) {
	tests := map[string]struct {
		content string
		parts   []string
	}{
		"empty":                  {"", []string{"empty"}},
		"blank":                  {" \n\t\n", []string{"empty"}},
		"prose":                  {"my cookies: hunter2", []string{"unknown format", "JSON map", "cookies.txt", "amazon_aqm.cookies"}},
		"a JSON list":            {`[{"name":"a","value":"hunter2"}]`, []string{"JSON list", "cookies.txt"}},
		"broken JSON":            {"{\n\"a\": \"hunter2\",\n\"b\": hunter2}", []string{"not valid JSON", "line 3"}},
		"cut JSON":               {`{"a": "hunter2`, []string{"not valid JSON"}},
		"empty JSON":             {`{}`, []string{"no cookie"}},
		"no value":               {`{"a": "", "b": "\"\""}`, []string{"no cookie"}},
		"a value that is null":   {`{"at-acbuk": null}`, []string{`"at-acbuk"`, "must be text"}},
		"a value of a map":       {`{"at-acbuk": {"value": "hunter2"}}`, []string{`"at-acbuk"`, "must be text"}},
		"a line break":           {`{"at-acbuk": "hunter2\r\nX: y"}`, []string{"at-acbuk", "line break"}},
		"a semicolon":            {`{"at-acbuk": "hunter2; b=c"}`, []string{"at-acbuk", "semicolon"}},
		"a NUL":                  {`{"at-acbuk": "hunter2\u0000x"}`, []string{"at-acbuk", "control character"}},
		"a name that can't be":   {`{"at=acbuk": "hunter2"}`, []string{"at=acbuk", "name of a cookie"}},
		"no name":                {`{"": "hunter2"}`, []string{"name of a cookie"}},
		"broken YAML":            {"amazon_aqm:\n  cookies: [hunter2\n", []string{"secrets.yaml", "line"}},
		"a YAML list":            {"amazon_aqm:\n  cookies:\n    - hunter2\n", []string{"secrets.yaml"}},
		"YAML without cookies":   {"amazon_aqm:\n  password: hunter2\n", []string{"no cookies under amazon_aqm.cookies"}},
		"a YAML value of a list": {"amazon_aqm:\n  cookies:\n    at-acbuk: [hunter2]\n", []string{`"at-acbuk"`, "must be text"}},
		"a YAML value missing":   {"amazon_aqm:\n  cookies:\n    at-acbuk:\n", []string{`"at-acbuk"`, "must be text"}},
		"a YAML alias":           {"amazon_aqm: *hunter2\n", []string{"secrets.yaml"}},
		"another marketplace":    {"# Netscape HTTP Cookie File\n.amazon.com\tTRUE\t/\tTRUE\t0\tat-main\thunter2\nwww.amazon.com.au\tTRUE\t/\tTRUE\t0\tat-main\thunter2\n", []string{"no cookie of amazon.co.uk", "only cookies of amazon.com, amazon.com.au", "amazon.domain"}},
		"another site":           {".example.org\tTRUE\t/\tTRUE\t0\tid\thunter2\n.notamazon.co.uk\tTRUE\t/\tTRUE\t0\tid\thunter2\n", []string{"no cookie of amazon.co.uk"}},
		"tabs lost":              {"# Netscape HTTP Cookie File\n.amazon.co.uk TRUE / TRUE 0 at-acbuk hunter2\n", []string{"no cookie of amazon.co.uk", "line 2", "tabs"}},
		"too large":              {`{"a": "` + strings.Repeat("x", 1<<20) + `"}`, []string{"1 MiB"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.Write(test.content)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantAuthentication(t, err, "no cookies", h.Cookies)
					for _, part := range append(test.parts, h.Cookies) {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("the error %q does not mention %q", err, part)
						}
					}
					if strings.Contains(err.Error(), "hunter2") {
						t.Errorf("the error %q contains a value", err)
					}
				})
				if n != 0 {
					t.Errorf("%d calls, want none", n)
				}
			})
		})
	}
}

func TestMissingCookiesFile(t *testing.T) {
	directory := t.TempDir()
	for name, path := range map[string]string{
		"missing": filepath.Join(directory, "none.json"), "a directory": directory, "a device": os.DevNull,
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunWith(t, func(o *account.Options) { o.CookiesFile = path }, func(h *alexa.Home) {
				_, err := h.Collect()
				alexa.WantAuthentication(t, err, "no cookies", path)
				if n := strings.Count(err.Error(), path); n != 1 {
					t.Errorf("the error %q names the file %d times, want once", err, n)
				}
			})
		})
	}
	t.Run("none set", func(t *testing.T) {
		alexa.RunWith(t, func(o *account.Options) { o.CookiesFile = "" }, func(h *alexa.Home) {
			_, err := h.Collect()
			alexa.WantLogin(t, err)
			if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok && refused.Code != "not signed in" {
				t.Errorf("code %q", refused.Code)
			}
		})
	})
}
