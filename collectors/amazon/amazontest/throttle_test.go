package amazontest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
)

// A throttled client that asks again too soon gets an answer that it can't use.
func TestThrottle(t *testing.T) {
	for name, test := range map[string]struct {
		form             amazontest.Throttling
		graphQL, phoenix string
	}{
		"by code":        {amazontest.ThrottledByCode, `200 {"errors":[{"message":"Too many requests"`, `200 {"message":"Too many requests. Try again in some time."}`},
		"by status":      {amazontest.ThrottledByStatus, "429 ", "429 "},
		"by bad request": {amazontest.ThrottledByBadRequest, `200 {"errors":`, `400 {"message":"Too many requests.`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				account := amazontest.NewAccount()
				account.SetMonitor(hall)
				said := func(path string) string {
					resp, body := ask(t, account, path, question(list), nil)
					return fmt.Sprint(resp.StatusCode, " ", body)
				}
				account.Throttle(test.form)
				if got := said(amazontest.GraphQLPath); !strings.HasPrefix(got, test.graphQL) {
					t.Errorf("GraphQL: %s", got)
				}
				if got := said(amazontest.PhoenixPath); !strings.HasPrefix(got, "418") {
					t.Errorf("at once again: %s", got)
				}
				time.Sleep(amazontest.Patience)
				if got := said(amazontest.PhoenixPath); !strings.HasPrefix(got, test.phoenix) {
					t.Errorf("phoenix: %s", got)
				}
				account.Throttle(amazontest.NotThrottled)
				time.Sleep(amazontest.Patience)
				if got := said(amazontest.GraphQLPath); !strings.HasPrefix(got, `200 {"data"`) {
					t.Errorf("afterwards: %s", got)
				}
				answers, impatient := account.Throttled()
				if answers != 2 || len(impatient) != 1 || impatient[0] != "POST /api/phoenix/state after 0s" {
					t.Errorf("%d throttled, impatient: %q", answers, impatient)
				}
			})
		})
	}
}

func TestEntities(t *testing.T) {
	account := amazontest.NewAccount()
	account.SetMonitor(hall)
	account.SetMonitor(amazontest.Monitor{EntityID: "e9", Name: "Attic", Maker: "Airthings"})
	asGet := func(query string) func(*http.Request) {
		return func(r *http.Request) {
			r.Method, r.URL.RawQuery = http.MethodGet, query
			r.Header.Set("Routines-Version", "3")
		}
	}
	_, body := ask(t, account, amazontest.EntitiesPath, "", asGet("skillId=amzn1.ask.1p.smarthome"))
	for _, part := range []string{
		`"id":"e1"`, `"deviceType":"AIR_QUALITY_MONITOR"`, `{"deviceSerialNumber":"` + hall.Serial + `","deviceType":"AEZME1X38KDRA"}`,
		`"Airthings monitor"`, `"dmsDeviceIdentifiers":null`, `"LIGHT"`, `"GROUP"`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s lacks %s", body, part)
		}
	}
	if resp, _ := ask(t, account, amazontest.EntitiesPath, "", asGet("")); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without a skill: %s", resp.Status)
	}
	withoutVersion := func(r *http.Request) { r.Method, r.URL.RawQuery = http.MethodGet, "skillId=amzn1.ask.1p.smarthome" }
	if resp, _ := ask(t, account, amazontest.EntitiesPath, "", withoutVersion); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without Routines-Version: %s", resp.Status)
	}
}

// phoenix knows a monitor by its entity alone.
func TestPhoenixRefusesAppliances(t *testing.T) {
	account := amazontest.NewAccount()
	m := hall
	m.ApplianceID = "AAA_x"
	account.SetMonitor(m)
	for request, want := range map[string]string{
		`{"entityId":"e1","entityType":"ENTITY"}`:       `"namespace\":\"Alexa.RangeController`,
		`{"entityId":"e1","entityType":"APPLIANCE"}`:    `{"code":"TargetApplianceNotFoundException","data":null,"entity":{"entityId":"e1","entityType":""}`,
		`{"entityId":"AAA_x","entityType":"APPLIANCE"}`: `"code":"TargetApplianceNotFoundException"`,
	} {
		if _, body := ask(t, account, amazontest.PhoenixPath, `{"stateRequests":[`+request+`]}`, nil); !strings.Contains(body, want) {
			t.Errorf("%s: %s, want %s", request, body, want)
		}
	}
}
