package amazon_test

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
	inHome(t, func(h *testHome) {
		for name, content := range map[string]string{
			"JSON":          jsonCookies(h.account, `"\"%s\""`),
			"JSON with BOM": "\ufeff\n" + jsonCookies(h.account, `"%s"`),
			"Netscape":      netscape(h.account),
			"secrets.yaml":  secretsYAML(h.account),
		} {
			h.write(content)
			if snapshot, err := h.collect(); err != nil || len(snapshot.Devices) != 2 {
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

// The file is looked at in each poll, so a mended sign-in needs no restart.
func TestNewCookiesNeedNoRestart(t *testing.T) {
	inHome(t, func(h *testHome) {
		good := h.account.Cookies()
		bad := maps.Clone(good)
		bad["at-acbuk"] = "expired"
		h.writeCookies(bad)
		_, err := h.collect()
		wantAuthentication(t, err, "HTTP 401", h.cookies)
		h.writeCookies(good)
		h.cleanPoll()

		// The csrf cookie that Alexa set is the old session's: a new file replaces it.
		good["csrf"] = "of the file"
		h.writeCookies(good)
		_, err = h.collect()
		wantAuthentication(t, err, "HTTP 403", h.cookies)

		if err := os.Remove(h.cookies); err != nil {
			t.Fatal(err)
		}
		_, err = h.collect()
		wantAuthentication(t, err, "no cookies", h.cookies)
		delete(good, "csrf")
		h.writeCookies(good)
		h.cleanPoll()
	})
}

// An editor or a copy may be in the middle of writing the file. The session is as
// good as before, and only Amazon knows when it is not.
func TestMissingCookiesFileKeepsTheSession(t *testing.T) {
	inHome(t, func(h *testHome) {
		good := h.account.Cookies()
		h.writeCookies(good)
		h.cleanPoll()
		h.write(`{"at-m`)
		wantFault(t, h.poll(), h.cookies, "the previous cookies are used")
		if err := os.Remove(h.cookies); err != nil {
			t.Fatal(err)
		}
		wantFault(t, h.poll(), h.cookies, "the previous cookies are used")
		h.account.Revoke()
		_, err := h.collect()
		wantAuthentication(t, err, "HTTP 401", h.cookies)
		_, err = h.collect()
		wantAuthentication(t, err, "no cookies", h.cookies)
		h.account.Restore()
		h.writeCookies(good)
		h.cleanPoll()
	})
}

// Other cookies may be another account's, which has other monitors.
func TestNewCookiesListTheMonitors(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		cookies := h.account.Cookies()
		cookies["lc-acbuk"] = "en_GB"
		h.writeCookies(cookies)
		for want := range slices.Values([]int{2, 1}) {
			if n := h.counting("", func() { h.cleanPoll() }); n != want {
				t.Errorf("%d calls, want %d", n, want)
			}
		}
	})
}

// Cookies that an answer spoilt are those of the file again after a refusal.
func TestSpoiltCookiesAreReadAgain(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		spoil := amazontest.Status(503, map[string][]string{"Set-Cookie": {"at-acbuk=; Max-Age=0", "session-token=other"}}, "")
		h.account.Script(spoil)
		_, err := h.collect()
		wantAuthentication(t, err, "HTTP 401", h.cookies)
		h.cleanPoll()
	})
}

// A refusal that ends no poll leaves the session as it is.
func TestRefusedFallbackKeepsTheSession(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		h.account.Script(
			graphQL(`{"data":{"listEndpoints":{"endpoints":[`+endpoint(kitchen, rangeFeature("4", "40"))+`]}}}`),
			amazontest.Status(403, map[string][]string{"Set-Cookie": {"at-acbuk=gone"}}, ""),
		)
		wantFault(t, h.poll(), "403")
		h.cleanPoll()
	})
}

func TestResponsesSetCookies(t *testing.T) {
	inHome(t, func(h *testHome) {
		cookies := h.account.Cookies()
		maps.Copy(cookies, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
		h.writeCookies(cookies)
		h.cleanPoll()
		set := []string{
			"a=gone; Max-Age=0", "b=", "c=gone; Expires=Mon, 01 Jan 1990 00:00:00 GMT", "d=5; Expires=Mon, 01 Jan 2035 00:00:00 GMT",
			`e="6"`, "long=" + strings.Repeat("x", 5000),
		}
		for i := range 300 {
			set = append(set, fmt.Sprintf("more%d=x", i))
		}
		var got string
		h.account.Script(amazontest.Status(503, map[string][]string{"Set-Cookie": set}, ""), func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Cookie")
			h.account.ServeHTTP(w, r)
		})
		h.cleanPoll()
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
		"prose":                  {"my cookies: hunter2", []string{"not known", "JSON map", "cookies.txt", "amazon_aqm.cookies"}},
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
			inHome(t, func(h *testHome) {
				h.write(test.content)
				n := h.counting("", func() {
					_, err := h.collect()
					wantAuthentication(t, err, "no cookies", h.cookies)
					for _, part := range append(test.parts, h.cookies) {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("the error %q does not tell of %q", err, part)
						}
					}
					if strings.Contains(err.Error(), "hunter2") {
						t.Errorf("the error %q tells a value", err)
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
			inHomeWith(t, func(o *account.Options) { o.CookiesFile = path }, func(h *testHome) {
				_, err := h.collect()
				wantAuthentication(t, err, "no cookies", path)
				if n := strings.Count(err.Error(), path); n != 1 {
					t.Errorf("the error %q names the file %d times, want once", err, n)
				}
			})
		})
	}
	t.Run("none set", func(t *testing.T) {
		inHomeWith(t, func(o *account.Options) { o.CookiesFile = "" }, func(h *testHome) {
			_, err := h.collect()
			wantLogin(t, err)
			if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok && refused.Code != "not signed in" {
				t.Errorf("code %q", refused.Code)
			}
		})
	})
}
