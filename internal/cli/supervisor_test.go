package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
)

func TestBrokerOfTheSupervisor(t *testing.T) {
	const token = "the token of the app"
	for name, test := range map[string]struct {
		status       int
		answer       string
		set          configs.MQTT
		want         configs.MQTT
		reason, cure string
	}{
		"Mosquitto": {200, `{"result":"ok","data":{"addon":"core_mosquitto","host":"core-mosquitto","port":1883,"ssl":false,"protocol":"3.1.1","username":"addons","password":"x"}}`,
			configs.MQTT{BaseTopic: "b"}, configs.MQTT{BaseTopic: "b", Broker: "tcp://core-mosquitto:1883", Username: "addons", Password: "x"}, "", ""},
		"TLS": {200, `{"result":"ok","data":{"host":"core-mosquitto","port":8883,"ssl":true}}`,
			configs.MQTT{}, configs.MQTT{Broker: "ssl://core-mosquitto:8883"}, "", ""},
		"options of the user": {200, `{"result":"ok","data":{"host":"core-mosquitto","port":1883,"username":"addons","password":"x"}}`,
			configs.MQTT{Username: "me", Password: "mine"}, configs.MQTT{Broker: "tcp://core-mosquitto:1883", Username: "me", Password: "mine"}, "", ""},
		"no broker": {400, `{"result":"error","message":"Service not enabled"}`, configs.MQTT{}, configs.MQTT{},
			"Home Assistant has no MQTT broker (Service not enabled)", "Mosquitto broker"},
		"an empty service": {200, `{"result":"ok","data":{}}`, configs.MQTT{}, configs.MQTT{}, "without a broker address", "restart the app"},
		"a wrong token":    {401, `401: Unauthorized`, configs.MQTT{}, configs.MQTT{}, "refuses this app's token (HTTP 401)", "restart this app"},
		"no right":         {403, `{"result":"error","message":"No access to mqtt service!"}`, configs.MQTT{}, configs.MQTT{}, "refuses this app's token (HTTP 403)", "reinstall it"},
		"a failure":        {500, `oops`, configs.MQTT{}, configs.MQTT{}, "HTTP 500", "restart"},
		"nonsense":         {200, `<html>`, configs.MQTT{}, configs.MQTT{}, "HTTP 200", "restart"},
		"a bad port":       {200, `{"result":"ok","data":{"host":"x","port":70000}}`, configs.MQTT{}, configs.MQTT{}, "can't be understood", "restart"},
		"a redirect":       {302, ``, configs.MQTT{}, configs.MQTT{}, "HTTP 302", "restart"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" || r.URL.Path != "/services/mqtt" || r.Header.Get("Authorization") != "Bearer "+token {
					t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				w.Write([]byte(test.answer))
			}))
			defer server.Close()
			got, err := supervisor{server.URL, token}.broker(t.Context(), test.set)
			if test.reason == "" {
				if err != nil || got != test.want {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			reason, remedy := collectors.RemedyOf(err)
			if !strings.Contains(reason, test.reason) || !strings.Contains(remedy, test.cure) || strings.Contains(err.Error(), token) {
				t.Errorf("%v", err)
			}
		})
	}
	server := httptest.NewServer(nil)
	server.Close()
	_, err := supervisor{server.URL, token}.broker(t.Context(), configs.MQTT{})
	if reason, remedy := collectors.RemedyOf(err); !strings.Contains(reason, "ask the Supervisor") || remedy == "" {
		t.Errorf("%v", err)
	}
}

func TestAppImageOutsideOfHomeAssistant(t *testing.T) {
	t.Parallel()
	code, _, stderr := run(t, "run", "--config", configs.AppOptions)
	if code != exitUnusable || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "SUPERVISOR_TOKEN is not set") {
		t.Errorf("%d %s", code, stderr)
	}
}
