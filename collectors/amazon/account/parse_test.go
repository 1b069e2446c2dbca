package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
)

func TestTokenCookies(t *testing.T) {
	end := time.Date(2044, 6, 6, 2, 48, 58, 0, time.UTC)
	for written, want := range map[string]time.Time{
		`"6 Jun 2044 02:48:58 GMT"`:       end,
		`"06 Jun 2044 02:48:58 GMT"`:      end,
		`"Mon, 06 Jun 2044 02:48:58 GMT"`: end,
		`"Mon, 06-Jun-2044 02:48:58 GMT"`: end,
		`"2044-06-06T02:48:58Z"`:          end,
		fmt.Sprint(end.Unix()):            end,
		`"soon"`:                          {},
		`null`:                            {},
		`{}`:                              {},
		`-1`:                              {},
	} {
		body := fmt.Sprintf(`{"response":{"tokens":{"cookies":{".amazon.co.uk":[{"Name":"at-acbuk","Value":"\"Atza|x\"","Expires":%s}]}}}}`, written)
		ends, err := account.ParseTokenCookies([]byte(body), "amazon.co.uk")
		if got, ok := ends["at-acbuk"]; err != nil || !ok || !got.Equal(want) {
			t.Errorf("Expires %s is %v (%v), want %v", written, got, err, want)
		}
	}
	gone := `{"response":{"tokens":{"cookies":{"www.amazon.de":[
		{"Name":"a","Value":"x"}, {"Name":"b","Value":"","Expires":null}, {"Name":"c","Value":"y","Expires":"1 Jan 1970 00:00:00 GMT"}]}}}}`
	if ends, err := account.ParseTokenCookies([]byte(gone), "amazon.de"); err != nil || len(ends) != 1 {
		t.Errorf("cookies %v (%v), want only a", ends, err)
	}
}

func FuzzTokenCookies(f *testing.F) {
	f.Add([]byte(`{"response":{"tokens":{"cookies":{".amazon.co.uk":[{"Name":"at-acbuk","Value":"\"x\"","Expires":"6 Jun 2044 02:48:58 GMT"}]}}}}`))
	f.Add([]byte(`{"response":{"tokens":{"cookies":{".amazon.co.uk":[{"Name":5,"Value":6,"Expires":2e9}]}}}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ends, err := account.ParseTokenCookies(body, "amazon.co.uk")
		if (err == nil) != (len(ends) > 0) {
			t.Errorf("%d cookies and error %v", len(ends), err)
		}
		for name := range ends {
			if name == "" || strings.ContainsAny(name, "\r\n;= ") {
				t.Errorf("cookie %q can't be sent", name)
			}
		}
	})
}

func FuzzCookies(f *testing.F) {
	for _, seed := range []string{
		`{"at-acbuk": "\"x\"", "session-id": "y"}`, "# Netscape HTTP Cookie File\n.amazon.co.uk\tTRUE\t/\tTRUE\t1999999999\tat-acbuk\t\"x\"\r\n",
		"amazon_aqm:\n  cookies:\n    at-acbuk: '\"x\"'\n",
		`{"a": 1, "b": "c;d"}`, "amazon_aqm:\n  cookies: {a: &x b, c: *x}\n", ".amazon.co.uk\tTRUE\t/\tTRUE\t0\ta\n", "[", "\xef\xbb\xbf{",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		cookies, err := account.ParseCookies(content, "amazon.co.uk")
		if (err == nil) != (len(cookies) > 0) {
			t.Fatalf("%d cookies and error %v", len(cookies), err)
		}
		for name, value := range cookies {
			if name == "" || value == "" || strings.ContainsAny(name+value, "\r\n;\x00") || strings.Contains(name, "=") {
				t.Errorf("cookie %q=%q can't be sent", name, value)
			}
		}
	})
}

func FuzzLandingCode(f *testing.F) {
	f.Add("https://www.amazon.co.uk/ap/maplanding?openid.oa2.authorization_code=ANx")
	f.Add("'www.amazon.de/ap/maplanding?a=b\n&openid.oa2.authorization_code=ANx'")
	f.Add("https://[::1]:x/ap/maplanding")
	f.Fuzz(func(t *testing.T, text string) {
		code, err := account.LandingCode(text, "id", amazontest.Marketplaces, nil)
		if (err == nil) != (code != "") {
			t.Errorf("code %q and error %v", code, err)
		}
		if err != nil && len(text) > 20 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats what was pasted: %v", err)
		}
	})
}

func TestSecretsDoNotPrint(t *testing.T) {
	const value = "Atnr|a-token-that-nobody-sees"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, holder := range account.Secrets(value) {
			if text := fmt.Sprintf(verb, holder); strings.Contains(text, value) {
				t.Errorf("%s of a %T prints the secret", verb, holder)
			}
		}
	}
}
