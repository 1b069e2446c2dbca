package account_test

import (
	"fmt"
	"strings"
	"testing"

	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
)

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
