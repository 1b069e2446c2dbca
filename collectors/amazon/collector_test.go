package amazon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness"
	"hueair2mqtt/test/harness/alexa"
)

func TestReadsEverythingAMonitorMeasures(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		snapshot := h.Poll()
		if len(snapshot.Faults) > 0 {
			t.Errorf("faults: %v", snapshot.Faults)
		}
		if len(snapshot.Devices) != 2 || snapshot.Devices[0].ID != alexa.KitchenID || snapshot.Devices[1].ID != alexa.CellarID {
			t.Fatalf("devices %v, want the two monitors sorted by id", snapshot.Devices)
		}
		d := snapshot.Devices[0]
		got := [...]string{d.Name, d.Area, d.Manufacturer, d.Model, d.SoftwareVersion, d.Serial}
		want := [...]string{"Kitchen", "Ground floor", "Amazon", "Smart Air Quality Monitor", "3.21.1", "G0A1K2"}
		if got != want {
			t.Errorf("the kitchen's texts are %q, want %q", got, want)
		}
		if !d.Online {
			t.Error("the kitchen is offline")
		}
		if !d.LastSeen.Equal(time.Now()) || d.LastSeen.Location() != time.UTC {
			t.Errorf("last seen %v, want now (%v) in UTC", d.LastSeen, time.Now())
		}
		for m, want := range map[collectors.Measurement]float64{
			collectors.Temperature: 21.5, collectors.Humidity: 48, collectors.PM25: 12, collectors.PM10: 14,
			collectors.CarbonMonoxide: 0.5, collectors.VOCIndex: 3, collectors.IndoorAirQuality: 88,
		} {
			alexa.WantNumber(t, d, m, want)
		}
		alexa.WantNumber(t, snapshot.Devices[1], collectors.Temperature, 10)
		if _, ok := snapshot.Devices[1].Readings[collectors.PM10]; ok {
			t.Error("the cellar's monitor has no PM10 sensor, but a reading of it")
		}
		if got := snapshot.Devices[1].Area; got != "" {
			t.Errorf("the cellar's area is %q, want none", got)
		}
	})
}

func TestTemperatureScales(t *testing.T) {
	for scale, degrees := range map[string]float64{"CELSIUS": 20, "FAHRENHEIT": 68, "KELVIN": 293.15} {
		t.Run(scale, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				m := alexa.Kitchen
				m.Temperature, m.Scale = degrees, scale
				h.Account.SetMonitor(m)
				alexa.WantNumber(t, h.CleanPoll()[alexa.KitchenID], collectors.Temperature, 20)
				h.Account.ScriptPath(amazontest.GraphQLPath, amazontest.Status(400, nil, ""))
				alexa.WantNumber(t, alexa.ByID(h.Poll())[alexa.KitchenID], collectors.Temperature, 20)
			})
		})
	}
}

func TestPollIsOneRequest(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		if n := h.Counting("", func() { h.CleanPoll() }); n != 2 {
			t.Errorf("the first poll made %d requests, want 2: the listing and the readings", n)
		}
		for range 11 {
			time.Sleep(alexa.Interval)
			if n := h.Counting("", func() { h.CleanPoll() }); n != 1 {
				t.Fatalf("a poll made %d requests, want 1", n)
			}
		}
		time.Sleep(alexa.Interval)
		if n := h.Counting("", func() { h.CleanPoll() }); n != 2 {
			t.Errorf("the poll after an hour made %d requests, want 2", n)
		}
		if n := h.Account.Requests(amazontest.PhoenixPath); n != 0 {
			t.Errorf("%d requests went to %s, want none", n, amazontest.PhoenixPath)
		}
	})
}

func TestTwoTimeoutsAreRetried(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(amazontest.Hang, amazontest.Hang, nil)
		start := time.Now()
		if n := h.Counting("", func() { h.CleanPoll() }); n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
		if got, want := time.Since(start), 2*alexa.Timeout+3*time.Second; got != want {
			t.Errorf("it took %s, want %s", got, want)
		}
		if n := h.Retry.Retries(); n != 2 {
			t.Errorf("%d retries counted, want 2", n)
		}
		for i, entry := range h.Log.FilterMessage("retrying").All() {
			fields := entry.ContextMap()
			want := map[string]any{
				"collector": "amazon", "kind": "timeout", "attempt": int64(i + 2), "of": int64(3), "delay": time.Duration(i+1) * time.Second,
				"endpoint": "POST http://alexa.test/nexus/v1/graphql (reading 2 monitors)",
			}
			delete(fields, "error")
			if !maps.Equal(fields, want) {
				t.Errorf("retry %d logged %v, want %v", i, fields, want)
			}
		}
	})
}

func TestThreeTimeoutsEndThePoll(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(amazontest.Hang, amazontest.Hang, amazontest.Hang)
		n := h.Counting("", func() {
			_, err := h.Collect()
			alexa.WantClass(t, err, collectors.Transient)
			var exhausted *collectors.ExhaustedError
			if !errors.As(err, &exhausted) || exhausted.Attempts != 3 || collectors.KindOf(err) != "timeout" {
				t.Errorf("error %v, want the exhaustion of 3 attempts by time-outs", err)
			}
		})
		if n != 3 {
			t.Errorf("%d calls, want 3: a host that does not answer is not asked in another way", n)
		}
		h.CleanPoll()
	})
}

func TestRetryWaits(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header func() string
		want   time.Duration
	}{
		"503":                       {503, nil, time.Second},
		"Retry-After in seconds":    {429, func() string { return "17" }, 17 * time.Second},
		"Retry-After, an HTTP date": {429, func() string { return time.Now().Add(17 * time.Second).UTC().Format(http.TimeFormat) }, 17 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				start := time.Now()
				header := http.Header{}
				if test.header != nil {
					header.Set("Retry-After", test.header())
				}
				h.Account.Script(amazontest.Status(test.status, header, ""))
				if n := h.Counting("", func() { h.CleanPoll() }); n != 2 {
					t.Errorf("%d calls, want 2", n)
				}
				if got := time.Since(start); got != test.want {
					t.Errorf("it took %s, want %s", got, test.want)
				}
			})
		})
	}
}

func TestLongRetryAfterIsNotWaitedFor(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(amazontest.Status(503, http.Header{"Retry-After": {"3600"}}, ""))
		start := time.Now()
		snapshot := h.Poll() // by the other way
		if got := time.Since(start); got != 0 {
			t.Errorf("it took %s, want no time at all", got)
		}
		alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.Humidity, 48)
	})
}

func TestUnreachableHostIsRetried(t *testing.T) {
	dials := 0
	refuse := func(o *account.Options) {
		o.Transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dials++
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}
	}
	alexa.RunWith(t, refuse, func(h *alexa.Home) {
		start := time.Now()
		_, err := h.Collect()
		alexa.WantClass(t, err, collectors.Transient)
		if kind := collectors.KindOf(err); kind != "refused" {
			t.Errorf("kind %q, want refused", kind)
		}
		if dials != 3 {
			t.Errorf("%d connections were tried, want 3", dials)
		}
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("it took %s, want 3s", got)
		}
	})
}

func TestMonitorOfflineWithoutRetry(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		seen := time.Now()
		time.Sleep(alexa.Interval)
		away := alexa.Kitchen
		away.Reachable = false
		h.Account.SetMonitor(away)
		var devices map[string]collectors.Device
		if n := h.Counting("", func() { devices = h.CleanPoll() }); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
		alexa.WantOffline(t, devices[alexa.KitchenID])
		if _, kept := devices[alexa.KitchenID].Readings[collectors.PM10]; !kept {
			t.Error("the offline monitor lost its PM10 reading")
		}
		if !devices[alexa.KitchenID].LastSeen.Equal(seen) {
			t.Errorf("last seen %v, want %v: being unreachable is no sign of life", devices[alexa.KitchenID].LastSeen, seen)
		}
		alexa.WantNumber(t, devices[alexa.CellarID], collectors.Humidity, 61.2)

		// And the same by the other way.
		h.Account.ScriptPath(amazontest.GraphQLPath, amazontest.Status(400, nil, ""))
		devices = alexa.ByID(h.Poll())
		alexa.WantOffline(t, devices[alexa.KitchenID])
		alexa.WantNumber(t, devices[alexa.CellarID], collectors.Humidity, 61.2)
	})
}

func TestSignInPageIsAnAuthenticationError(t *testing.T) {
	tests := map[string]struct {
		answer http.HandlerFunc
		code   string
	}{
		"401":                     {amazontest.Status(401, nil, ""), "HTTP 401"},
		"403":                     {amazontest.Status(403, nil, ""), "HTTP 403"},
		"redirect to sign-in":     {amazontest.SignInRedirect, "redirect to sign-in"},
		"redirect within /ap/":    {amazontest.Status(303, http.Header{"Location": {"/ap/mfa?arb=1"}}, ""), "redirect to sign-in"},
		"sign-in page":            {amazontest.SignInPage, "HTTP 200 text/html"},
		"UNAUTHENTICATED":         {alexa.JSON(`{"data":null,"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}`), "GraphQL UNAUTHENTICATED"},
		"FORBIDDEN":               {alexa.JSON(`{"errors":[{"message":"x","extensions":{"code":"FORBIDDEN"}}]}`), "GraphQL FORBIDDEN"},
		"errorType":               {alexa.JSON(`{"data":{"listEndpoints":null},"errors":[{"message":"Not Authorized to access listEndpoints","errorType":"Unauthorized"}]}`), "GraphQL Unauthorized"},
		"AccessDeniedException":   {alexa.JSON(`{"data":null,"errors":[{"type":"com.amazon#AccessDeniedException"}]}`), "GraphQL com.amazon#AccessDeniedException"},
		"message alone":           {alexa.JSON(`{"data":null,"errors":[{"message":"Unauthorized"}]}`), "GraphQL unauthorized"},
		"bare text":               {alexa.JSON(`{"data":null,"errors":["not authorized"]}`), "GraphQL unauthorized"},
		"in a batch":              {alexa.JSON(`[{"data":null,"errors":[{"message":"x","extensions":{"code":"UNAUTHORIZED"}}]}]`), "GraphQL UNAUTHORIZED"},
		"with an empty list":      {alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}},"errors":[{"extensions":{"code":"UNAUTHORIZED"}}]}`), "GraphQL UNAUTHORIZED"},
		"status within a message": {alexa.JSON(`{"data":null,"errors":[{"message":"Request failed with status code 401"}]}`), "GraphQL unauthorized"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(test.answer)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantAuthentication(t, err, test.code, h.Cookies)
				})
				if n != 1 {
					t.Errorf("%d calls, want 1", n)
				}
				h.CleanPoll()
			})
		})
	}
}

// What is said of a device, or beside readings, is no failure of the account.
func TestOtherErrorsRaiseNoAlert(t *testing.T) {
	tests := map[string]string{
		"an unreachable endpoint": `{"data":null,"errors":[{"message":"Forbidden","extensions":{"code":"ENDPOINT_UNREACHABLE"}}]}`,
		"beside data":             `{"data":{"listEndpoints":{"endpoints":[` + alexa.Endpoint(alexa.Kitchen, `{"name":"connectivity","properties":[{"name":"reachability","reachabilityStatusValue":"OK"}]}`) + `]}},"errors":[{"message":"Unauthorized","path":["listEndpoints","endpoints",1,"features"],"extensions":{"code":"UNAUTHORIZED"}}]}`,
		"an internal error":       `{"data":null,"errors":[{"message":"Internal server error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(alexa.JSON(body))
				var snapshot collectors.Snapshot
				if n := h.Counting(amazontest.PhoenixPath, func() { snapshot = h.Poll() }); n != 1 {
					t.Errorf("%d calls to %s, want 1", n, amazontest.PhoenixPath)
				}
				if !alexa.ByID(snapshot)[alexa.KitchenID].Online || !alexa.ByID(snapshot)[alexa.CellarID].Online {
					t.Error("a monitor is offline")
				}
			})
		})
	}
}

func TestFallbackToPhoenix(t *testing.T) {
	busy := amazontest.Status(503, nil, "")
	tests := map[string]struct {
		answers []http.HandlerFunc
		cause   string
	}{
		"permanent status":     {[]http.HandlerFunc{amazontest.Status(404, nil, "")}, "404"},
		"status 299":           {[]http.HandlerFunc{amazontest.Status(299, nil, "{}")}, "299"},
		"status 199":           {[]http.HandlerFunc{status199}, "199"},
		"redirect elsewhere":   {[]http.HandlerFunc{amazontest.Status(302, http.Header{"Location": {"https://www.amazon.co.uk/gp/help?x=1"}}, "")}, "www.amazon.co.uk/gp/help"},
		"redirect to nowhere":  {[]http.HandlerFunc{amazontest.Status(302, nil, "")}, "302"},
		"busy to the end":      {[]http.HandlerFunc{busy, busy, busy}, "503"},
		"not JSON":             {[]http.HandlerFunc{alexa.JSON(`hello`)}, "something other than JSON"},
		"empty body":           {[]http.HandlerFunc{alexa.JSON(``)}, "nothing where an object belongs"},
		"cut short":            {[]http.HandlerFunc{alexa.JSON(`{"data": {"listE`)}, "it is not JSON"},
		"a list cut short":     {[]http.HandlerFunc{alexa.JSON(`[{"data": {`)}, "it is not JSON"},
		"a text":               {[]http.HandlerFunc{alexa.JSON(`"hello"`)}, "text where an object belongs"},
		"null":                 {[]http.HandlerFunc{alexa.JSON(`null`)}, "nothing where an object belongs"},
		"empty list":           {[]http.HandlerFunc{alexa.JSON(`[]`)}, "empty list"},
		"list of null":         {[]http.HandlerFunc{alexa.JSON(`[null]`)}, "nothing where an object belongs"},
		"no data":              {[]http.HandlerFunc{alexa.JSON(`{}`)}, "nothing where a list belongs"},
		"data is a list":       {[]http.HandlerFunc{alexa.JSON(`{"data":[]}`)}, "a list where an object belongs"},
		"endpoints a map":      {[]http.HandlerFunc{alexa.JSON(`{"data":{"listEndpoints":{"endpoints":{}}}}`)}, "an object where a list belongs"},
		"GraphQL error":        {[]http.HandlerFunc{alexa.JSON(`{"data":null,"errors":[{"message":"Validation error"},{"message":"more"}]}`)}, "Validation error (and 1 more)"},
		"GraphQL error object": {[]http.HandlerFunc{alexa.JSON(`{"data":null,"errors":{"message":"Validation error"}}`)}, "Validation error"},
		"GraphQL error number": {[]http.HandlerFunc{alexa.JSON(`{"data":null,"errors":[{"message":5,"extensions":"x"}, {}]}`)}, "GraphQL answered an error: 5"},
		"oversized":            {[]http.HandlerFunc{oversized}, "larger than 16 MiB"},
		"too many values": {[]http.HandlerFunc{alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` +
			strings.Repeat(`{},`, 5_000_000) + `{}]}}}`)}, "more than 524288 values"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(test.answers...)
				var snapshot collectors.Snapshot
				n := h.Counting("", func() { snapshot = h.Poll() })
				if want := len(test.answers) + 1; n != want {
					t.Errorf("%d calls, want %d", n, want)
				}
				alexa.WantFault(t, snapshot, "as GraphQL failed", test.cause)
				d := alexa.ByID(snapshot)[alexa.KitchenID]
				for m, want := range map[collectors.Measurement]float64{
					collectors.Temperature: 21.5, collectors.Humidity: 48, collectors.PM25: 12, collectors.PM10: 14,
					collectors.CarbonMonoxide: 0.5, collectors.VOCIndex: 3, collectors.IndoorAirQuality: 88,
				} {
					alexa.WantNumber(t, d, m, want)
				}
				if !d.LastSeen.Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) { // where a bubble's time begins
					t.Errorf("last seen %v, want when the readings were taken", d.LastSeen)
				}
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Temperature, 10)
			})
		})
	}
}

func oversized(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for range 50 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// status199 writes a final answer that HTTP takes for an interim one.
func status199(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	if _, err := buffered.WriteString("HTTP/1.1 199 Deprecated\r\nContent-Length: 0\r\n\r\n"); err == nil {
		_ = buffered.Flush() // the client may have gone
	}
}

func TestNoFallbackWithoutAnAnswer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"dropped": amazontest.Drop, "truncated": amazontest.Truncated, "hanging": amazontest.Hang,
	} {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(answer, answer, answer)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantClass(t, err, collectors.Transient)
				})
				if n != 3 {
					t.Errorf("%d calls, want 3", n)
				}
			})
		})
	}
}

func TestBothWaysFailingNamesBothCauses(t *testing.T) {
	tests := map[string]struct {
		graphQL, phoenix http.HandlerFunc
		class            collectors.Class
		parts            []string
	}{
		"permanent twice":        {amazontest.Status(400, nil, ""), amazontest.Status(404, nil, ""), collectors.Permanent, []string{"400", "404", amazontest.PhoenixPath, amazontest.GraphQLPath}},
		"transient twice":        {amazontest.Status(502, nil, ""), amazontest.Status(503, nil, ""), collectors.Transient, []string{"502", "503"}},
		"phoenix refuses":        {amazontest.Status(400, nil, ""), amazontest.Status(401, nil, ""), collectors.Authentication, []string{"400", "401"}},
		"phoenix is not JSON":    {amazontest.Status(400, nil, ""), alexa.JSON(`}`), collectors.Permanent, []string{"400", "something other than JSON"}},
		"phoenix is a list":      {amazontest.Status(400, nil, ""), alexa.JSON(`[]`), collectors.Permanent, []string{"400", "a list where an object belongs"}},
		"phoenix has a message":  {amazontest.Status(400, nil, ""), alexa.JSON(`{"message":"Gone\nfishing"}`), collectors.Permanent, []string{`"Gone fishing"`}},
		"phoenix says nothing":   {amazontest.Status(400, nil, ""), alexa.JSON(`{"deviceStates":null}`), collectors.Permanent, []string{"neither deviceStates nor errors"}},
		"phoenix breaks off":     {amazontest.Status(500, nil, ""), amazontest.Truncated, collectors.Transient, []string{"500", "unexpected EOF"}},
		"phoenix gives the page": {amazontest.Status(400, nil, ""), amazontest.SignInPage, collectors.Authentication, []string{"text/html"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.ScriptPath(amazontest.GraphQLPath, test.graphQL)
				h.Account.ScriptPath(amazontest.PhoenixPath, test.phoenix)
				_, err := h.Collect()
				alexa.WantClass(t, err, test.class)
				for _, part := range test.parts {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error %q does not mention %q", err, part)
					}
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("the error %q has more than one line", err)
				}
				h.Account.ScriptPath(amazontest.GraphQLPath, nil)
				h.CleanPoll()
			})
		})
	}
}

func TestPhoenixIsAskedForTheMissingOnly(t *testing.T) {
	only := alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[null,` + alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("4", "40")) + `]}}}`)
	t.Run("and knows them", func(t *testing.T) {
		alexa.Run(t, func(h *alexa.Home) {
			h.CleanPoll()
			h.Account.Script(only)
			var devices map[string]collectors.Device
			if n := h.Counting("", func() { devices = h.CleanPoll() }); n != 2 {
				t.Errorf("%d calls, want 2", n)
			}
			alexa.WantNumber(t, devices[alexa.KitchenID], collectors.Humidity, 40)
			alexa.WantUnknown(t, devices[alexa.KitchenID], collectors.Temperature)
			alexa.WantNumber(t, devices[alexa.CellarID], collectors.Humidity, 61.2)
		})
	})
	for name, answer := range map[string]http.HandlerFunc{
		"and fails":     amazontest.Status(404, nil, ""),
		"and refuses":   amazontest.Status(403, nil, ""),
		"and is silent": amazontest.Hang,
	} {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(only)
				h.Account.ScriptPath(amazontest.PhoenixPath, answer)
				snapshot := h.Poll()
				alexa.WantFault(t, snapshot, "1 monitors are missing", amazontest.PhoenixPath)
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.Humidity, 40)
				alexa.WantOffline(t, alexa.ByID(snapshot)[alexa.CellarID])
			})
		})
	}
	t.Run("and does not know them either", func(t *testing.T) {
		alexa.Run(t, func(h *alexa.Home) {
			h.CleanPoll()
			h.Account.RemoveMonitor(alexa.Cellar.Serial)
			devices := h.CleanPoll()
			alexa.WantOffline(t, devices[alexa.CellarID])
			alexa.WantNumber(t, devices[alexa.KitchenID], collectors.Humidity, 48)
		})
	})
}

func TestCancellationWhileAskingForTheMissing(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("4", "40")) + `]}}}`))
		h.Account.ScriptPath(amazontest.PhoenixPath, amazontest.Hang)
		ctx, cancel := context.WithCancel(h.T.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := h.Collector.Collect(ctx, h.Retry); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the cancelling", err)
		}
	})
}

func TestCancellationEndsAPollAtOnce(t *testing.T) {
	because := errors.New("the program ends")
	tests := map[string]http.HandlerFunc{
		"during a request": amazontest.Hang,
		"during a wait":    amazontest.Status(503, nil, ""),
		"during a body": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush() // the client is there
			amazontest.Hang(w, r)
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.ScriptPath(amazontest.GraphQLPath, answer)
				ctx, cancel := context.WithCancelCause(h.T.Context())
				time.AfterFunc(500*time.Millisecond, func() { cancel(because) })
				start := time.Now()
				n := h.Counting("", func() {
					if _, err := h.Collector.Collect(ctx, h.Retry); !errors.Is(err, because) {
						t.Errorf("error %v, want the cause of the cancelling", err)
					}
				})
				if got := time.Since(start); got != 500*time.Millisecond {
					t.Errorf("it took %s, want 500ms", got)
				}
				if n != 1 {
					t.Errorf("%d calls, want 1", n)
				}
			})
		})
	}
}

func TestMonitorWithoutNumbersIsUnknown(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		m := alexa.Kitchen
		m.Humidity, m.Temperature = math.NaN(), math.NaN()
		h.Account.SetMonitor(m)
		d := h.CleanPoll()[alexa.KitchenID]
		alexa.WantUnknown(t, d, collectors.Humidity, collectors.Temperature)
		alexa.WantNumber(t, d, collectors.PM25, 12)
	})
}

func TestErrorsHoldNoCookies(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		body := fmt.Sprintf(`{"data":null,"errors":[{"message":"cookies %s refused","extensions":{"code":%q}}]}`,
			strings.ReplaceAll(r.Header.Get("Cookie"), `"`, `\"`), r.Header.Get("Csrf"))
		alexa.JSON(body)(w, r)
	}
	redirect := func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("at-acbuk")
		if err != nil {
			t.Error(err)
			return
		}
		amazontest.Status(302, http.Header{"Location": {"https://evil.test/" + cookie.Value + "?t=" + cookie.Value}}, "")(w, r)
	}
	garbage := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "BOO %s\r\n\r\n", r.Header.Get("Cookie")) // the client may have gone
	}
	fault := func(w http.ResponseWriter, r *http.Request) {
		alexa.JSON(fmt.Sprintf(`{"data":{"listEndpoints":{"endpoints":[]}},"errors":[{"message":%q}]}`, r.Header.Get("Cookie")))(w, r)
	}
	// What is cut for the log must not be cut within a value.
	cut := func(w http.ResponseWriter, r *http.Request) {
		alexa.JSON(fmt.Sprintf(`{"data":null,"errors":[{"message":%q}]}`, strings.Repeat("x", 100)+r.Header.Get("Cookie")))(w, r)
	}
	alexa.Run(t, func(h *alexa.Home) {
		var output strings.Builder
		record := func() {
			snapshot, err := h.Collect()
			fmt.Fprintln(&output, snapshot.Faults, err)
			var authentication *collectors.AuthenticationError
			if errors.As(err, &authentication) {
				fmt.Fprintln(&output, authentication.Code, authentication.Remedy)
			}
		}
		h.CleanPoll()
		for _, answer := range []http.HandlerFunc{echo, redirect, garbage, fault, cut, amazontest.SignInPage, amazontest.Status(401, nil, "")} {
			h.Account.ScriptPath(amazontest.GraphQLPath, answer)
			record()
			h.Account.ScriptPath(amazontest.PhoenixPath, answer)
			record()
			h.Account.ScriptPath(amazontest.PhoenixPath, nil)
		}
		if output.Len() < 500 {
			t.Errorf("the errors say little: %s", output.String())
		}
		for _, entry := range h.Log.All() {
			fmt.Fprintln(&output, entry.Message, entry.ContextMap())
		}
		for _, secret := range h.Account.Secrets() {
			if strings.Contains(output.String(), secret[:10]) {
				t.Errorf("the secret %s or its beginning was printed:\n%s", secret, output.String())
			}
		}
	})
}

func TestCSRFHeaderFollowsTheCookie(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		var headers []string
		note := func(w http.ResponseWriter, r *http.Request) {
			headers = append(headers, r.Header.Get("csrf"))
			http.SetCookie(w, &http.Cookie{Name: "csrf", Value: fmt.Sprint("token-", len(headers))})
			amazontest.Status(503, nil, "")(w, r)
		}
		h.Account.ScriptPath(amazontest.GraphQLPath, note)
		h.Account.ScriptPath(amazontest.EntitiesPath, note)
		_, err := h.Collect()
		alexa.WantClass(t, err, collectors.Transient)
		// Three tries for each of the two ways to list.
		if want := []string{"", "token-1", "token-2", "token-3", "token-4", "token-5"}; !slices.Equal(headers, want) {
			t.Errorf("csrf headers %q, want %q", headers, want)
		}
	})
}

func TestHeaders(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		var got http.Header
		h.Account.Script(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Clone()
			amazontest.Status(401, nil, "")(w, r)
		})
		_, err := h.Collect()
		alexa.WantClass(t, err, collectors.Authentication)
		for name, want := range map[string]string{
			"User-Agent": "AmazonWebView/AmazonAlexa/", "Accept-Language": "en", "Content-Type": "application/json; charset=utf-8",
		} {
			if !strings.HasPrefix(got.Get(name), want) {
				t.Errorf("%s: %q, want %q", name, got.Get(name), want)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	for name, test := range map[string]struct {
		options  account.Options
		endpoint string // "" is an error
	}{
		"the real host":       {account.Options{Domain: "amazon.co.uk"}, "https://alexa.amazon.co.uk"},
		"any case":            {account.Options{Domain: " Amazon.COM "}, "https://alexa.amazon.com"},
		"a path":              {account.Options{Domain: "amazon.de", Endpoint: "http://127.0.0.1:8080/alexa/"}, "http://127.0.0.1:8080"},
		"no domain":           {account.Options{}, ""},
		"a host as domain":    {account.Options{Domain: "www.amazon.de"}, ""},
		"a URL as domain":     {account.Options{Domain: "https://amazon.de"}, ""},
		"no scheme":           {account.Options{Domain: "amazon.de", Endpoint: "127.0.0.1:8080"}, ""},
		"another scheme":      {account.Options{Domain: "amazon.de", Endpoint: "ftp://127.0.0.1"}, ""},
		"no host":             {account.Options{Domain: "amazon.de", Endpoint: "http://:80"}, ""},
		"a user":              {account.Options{Domain: "amazon.de", Endpoint: "http://me:hunter2@127.0.0.1"}, ""},
		"a query":             {account.Options{Domain: "amazon.de", Endpoint: "http://127.0.0.1/?key=hunter2"}, ""},
		"no URL":              {account.Options{Domain: "amazon.de", Endpoint: "http://hunter2\x7f"}, ""},
		"a negative time-out": {account.Options{Domain: "amazon.de", Timeout: -1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := amazon.New(amazon.Options{Account: test.options})
			switch {
			case test.endpoint == "" && err == nil:
				t.Fatal("no error")
			case test.endpoint == "" && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error %v contains the password", err)
			case test.endpoint != "" && err != nil:
				t.Fatal(err)
			case err == nil && (c.Endpoint() != test.endpoint || c.Source() != "amazon"):
				t.Errorf("source %q, endpoint %q; want amazon, %q", c.Source(), c.Endpoint(), test.endpoint)
			}
		})
	}
}

// overLoopback makes a collector that reads an account over real sockets.
func overLoopback(tb testing.TB, host *amazontest.Account, endpoint, cookies string) (*amazon.Collector, *collectors.Retrier) {
	tb.Helper()
	content, err := json.Marshal(host.Cookies())
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(cookies, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	collector, err := amazon.New(amazon.Options{Account: account.Options{Domain: "amazon.co.uk", CookiesFile: cookies, Endpoint: endpoint, Timeout: alexa.Timeout}})
	if err != nil {
		tb.Fatal(err)
	}
	return collector, collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, amazon.Source, zap.NewNop())
}

// With a path before the host's own, as a proxy has.
func TestOverLoopback(t *testing.T) {
	account := amazontest.NewAccount()
	account.SetMonitor(alexa.Kitchen)
	server := harness.Serve(t, http.StripPrefix("/proxy", account))
	collector, retry := overLoopback(t, account, server.URL+"/proxy/", filepath.Join(t.TempDir(), "cookies"))
	defer collector.Close()
	if collector.Endpoint() != server.URL {
		t.Errorf("endpoint %q, want %q", collector.Endpoint(), server.URL)
	}
	snapshot, err := collector.Collect(t.Context(), retry)
	if err != nil || len(snapshot.Devices) != 1 || len(snapshot.Faults) > 0 {
		t.Fatalf("snapshot %v, error %v", snapshot, err)
	}
	alexa.WantNumber(t, snapshot.Devices[0], collectors.PM25, 12)

	server.Close()
	_, err = collector.Collect(t.Context(), retry)
	alexa.WantClass(t, err, collectors.Transient)
}

// An untrusted certificate is reported once; trying again would not help.
func TestUntrustedCertificateIsPermanent(t *testing.T) {
	account := amazontest.NewAccount()
	server := httptest.NewUnstartedServer(account)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	collector, retry := overLoopback(t, account, server.URL, filepath.Join(t.TempDir(), "cookies"))
	defer collector.Close()
	_, err := collector.Collect(t.Context(), retry)
	alexa.WantClass(t, err, collectors.Permanent)
	if kind := collectors.KindOf(err); kind != "certificate" {
		t.Errorf("kind %q, want certificate", kind)
	}
	if n := account.Requests(""); n != 0 {
		t.Errorf("%d requests were sent, want none", n)
	}
}
