package huetest_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
)

func TestPairingNeedsTheButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		const good = `{"devicetype":"hueair2mqtt#host","generateclientkey":true}`
		pair := func(body string) (text, username, clientKey string) {
			t.Helper()
			resp, text := c.ask("POST", "/api", nil, body)
			var answer []struct {
				Success struct{ Username, ClientKey string }
			}
			if err := json.Unmarshal([]byte(text), &answer); err != nil || resp.StatusCode != 200 || len(answer) != 1 {
				t.Fatalf("%s %s: %v", resp.Status, text, err)
			}
			return text, answer[0].Success.Username, answer[0].Success.ClientKey
		}
		const notPressed = `[{"error":{"address":"/","description":"link button not pressed","type":101}}]`
		if text, _, _ := pair(good); text != notPressed {
			t.Error(text)
		}
		b.PressLinkButton()
		time.Sleep(30*time.Second - time.Nanosecond)
		if _, text := c.ask("GET", "/api/"+key+"/config", nil, ""); !strings.Contains(text, `"linkbutton":true`) {
			t.Error(text)
		}
		text, username, clientKey := pair(good)
		if !regexp.MustCompile(`^[0-9A-Za-z-]{40}$`).MatchString(username) || !regexp.MustCompile(`^[0-9A-F]{32}$`).MatchString(clientKey) {
			t.Error(text)
		}
		_, second, none := pair(`{"devicetype":"other"}`)
		if second == username || second == "" || none != "" {
			t.Errorf("second pairing: %q, %q", second, none)
		}
		time.Sleep(time.Nanosecond)
		if text, _, _ := pair(good); text != notPressed {
			t.Error(text)
		}

		works := func(name string) (v1, v2 bool) {
			_, text := c.ask("GET", "/api/"+name+"/sensors", nil, "")
			resp, _ := c.ask("GET", "/clip/v2/resource", map[string][]string{"Hue-Application-Key": {name}}, "")
			return strings.HasPrefix(text, "{"), resp.StatusCode == 200
		}
		for _, name := range []string{key, username, second} {
			if v1, v2 := works(name); !v1 || !v2 {
				t.Errorf("%s works: %v in CLIP v1, %v in CLIP v2", name, v1, v2)
			}
		}
		if _, text := c.ask("GET", "/api/"+username+"/config", nil, ""); !strings.Contains(text, `"name":"hueair2mqtt#host"`) {
			t.Error(text)
		}
		b.DeleteKey()
		if v1, v2 := works(username); v1 || v2 {
			t.Error("a deleted key works")
		}
		b.PressLinkButton()
		_, third, _ := pair(good)
		if v1, v2 := works(third); !v1 || !v2 {
			t.Error("pairing again does not help")
		}
		if v1, v2 := works(key); v1 || v2 {
			t.Error("pairing again restores an old key")
		}
	})
}

func TestPairingRefusesBadRequests(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	c, _ := overTCP(t, b)
	b.PressLinkButton()
	for _, test := range []struct{ body, want string }{
		{``, `"type":2`},
		{`{"devicetype":`, `{"address":"/","description":"body contains invalid json","type":2}`},
		{`[]`, `"type":2`},
		{`{}`, `{"address":"/","description":"invalid/missing parameters in body","type":5}`},
		{`{"generateclientkey":true}`, `"type":5`},
		{`{"devicetype":"a#b","username":"mine"}`, `{"address":"/username","description":"parameter, username, not available","type":6}`},
		{`{"devicetype":7}`, `{"address":"/devicetype","description":"invalid value, 7, for parameter, devicetype","type":7}`},
		{`{"devicetype":""}`, `"type":7`},
		{`{"devicetype":"` + strings.Repeat("x", 41) + `"}`, `"type":7`},
		{`{"devicetype":"` + strings.Repeat("x", 40) + `"}`, `"success"`},
		{`{"devicetype":"a#b","generateclientkey":"yes"}`, `{"address":"/generateclientkey","description":"invalid value, yes, for parameter, generateclientkey","type":7}`},
	} {
		if _, text := c.ask("POST", "/api", nil, test.body); !strings.Contains(text, test.want) {
			t.Errorf("%s: %s", test.body, text)
		}
	}
	if _, text := c.ask("GET", "/api", nil, ""); !strings.Contains(text, `"type":1,`) && !strings.Contains(text, `"type":1}`) {
		t.Errorf("GET /api: %s", text)
	}
}

func TestPairingByModel(t *testing.T) {
	const with, without = `{"devicetype":"a#b","generateclientkey":true}`, `{"devicetype":"a#b"}`
	for _, test := range []struct{ model, body, want string }{
		{"BSB001", with, `[{"error":{"address":"/generateclientkey","description":"parameter, generateclientkey, not available","type":6}}]`},
		{"BSB001", without, `"success"`},
		{"BSB002", without, `"success"`},
		{"BSB003", without, `"type":5`},
		{"BSB003", with, `"clientkey"`},
	} {
		b := huetest.NewBridge(bridgeID, key)
		b.SetModel(test.model)
		b.PressLinkButton()
		c, _ := overTCP(t, b)
		if _, text := c.ask("POST", "/api", nil, test.body); !strings.Contains(text, test.want) {
			t.Errorf("%s, %s: %s", test.model, test.body, text)
		}
		if _, text := c.ask("GET", "/api/0/config", nil, ""); !strings.Contains(text, test.model) || (test.model == "BSB001") != strings.Contains(text, `"apiversion":"1.16.0"`) {
			t.Error(text)
		}
	}
}
