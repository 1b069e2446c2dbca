package tokenhost_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/account/tokenhost"
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
		ends, err := tokenhost.ParseCookies([]byte(body), "amazon.co.uk")
		if got, ok := ends["at-acbuk"]; err != nil || !ok || !got.Equal(want) {
			t.Errorf("Expires %s is %v (%v), want %v", written, got, err, want)
		}
	}
	gone := `{"response":{"tokens":{"cookies":{"www.amazon.de":[
		{"Name":"a","Value":"x"}, {"Name":"b","Value":"","Expires":null}, {"Name":"c","Value":"y","Expires":"1 Jan 1970 00:00:00 GMT"}]}}}}`
	if ends, err := tokenhost.ParseCookies([]byte(gone), "amazon.de"); err != nil || len(ends) != 1 {
		t.Errorf("cookies %v (%v), want only a", ends, err)
	}
}

func FuzzTokenCookies(f *testing.F) {
	f.Add([]byte(`{"response":{"tokens":{"cookies":{".amazon.co.uk":[{"Name":"at-acbuk","Value":"\"x\"","Expires":"6 Jun 2044 02:48:58 GMT"}]}}}}`))
	f.Add([]byte(`{"response":{"tokens":{"cookies":{".amazon.co.uk":[{"Name":5,"Value":6,"Expires":2e9}]}}}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ends, err := tokenhost.ParseCookies(body, "amazon.co.uk")
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
