package hue_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// A bridge that answers all three tries with the same.
func always(answer http.HandlerFunc) []http.HandlerFunc {
	return []http.HandlerFunc{answer, answer, answer}
}

func TestBadV1AnswersAreClassified(t *testing.T) {
	type class = collectors.Class
	const (
		transient      class = collectors.Transient
		permanent      class = collectors.Permanent
		authentication class = collectors.Authentication
	)
	one := func(fields string) string { return `{"1":{` + fields + `}}` }
	tests := []struct {
		name   string
		answer http.HandlerFunc
		class  class
		kind   string
		words  string // of the error
	}{
		{"empty object", huetest.Body(`{}`), transient, "empty", "fault of the Hue bridge"},
		{"empty object with space", huetest.Body(" {\n} \n"), transient, "empty", ""},
		{"empty list", huetest.Body(`[]`), transient, "empty", ""},
		{"null", huetest.Body(`null`), transient, "empty", ""},
		{"empty text", huetest.Body(`""`), transient, "empty", ""},
		{"empty body", huetest.Body(``), transient, "empty", ""},
		{"white space", huetest.Body("\r\n \t"), transient, "empty", ""},
		{"204", huetest.Status(204, nil, ""), transient, "empty", ""},

		{"503 with an empty object", huetest.Status(503, nil, `{}`), transient, "http 503", ""},
		{"503 with a page", huetest.Status(503, nil, `<html>`), transient, "http 503", ""},
		{"500", huetest.Status(500, nil, ``), transient, "http 500", ""},
		{"408", huetest.Status(408, nil, ``), transient, "http 408", ""},
		{"429", huetest.Busy(1), transient, "http 429", ""},
		{"401", huetest.Status(401, nil, ``), authentication, "authentication", "refuses the key"},
		{"403", huetest.Status(403, nil, ``), authentication, "authentication", ""},
		{"404", huetest.Status(404, nil, ``), permanent, "http 404", ""},
		{"redirect", huetest.Status(302, http.Header{"Location": {"http://192.168.1.3/"}}, ``), permanent, "http 302", "redirect"},
		{"redirect to itself", huetest.Status(307, http.Header{"Location": {"/api/" + key + "/sensors"}}, ``), permanent, "http 307", "hue.bridges[0].host"},

		{"error 1", huetest.Body(`[{"error":{"type":1,"address":"/sensors","description":"unauthorized user"}}]`), authentication, "authentication", "unauthorized user (Hue error 1)"},
		{"error 1 second", huetest.Body(`[{"error":{"type":3}},{"error":{"type":1}}]`), authentication, "authentication", ""},
		{"error 3", huetest.Body(`[{"error":{"type":3,"address":"/x","description":"resource, /x, not available"}}]`), permanent, "hue error 3", "resource, /x, not available"},
		{"error 901", huetest.Body(`[{"error":{"type":901,"address":"/","description":"internal error"}}]`), transient, "hue error 901", "internal error"},
		{"error without type", huetest.Body(`[{"error":{"description":"x"}}]`), permanent, "malformed", ""},
		{"error without anything", huetest.Body(`[{"error":{}}]`), permanent, "malformed", ""},
		{"error that is null", huetest.Body(`[{"error":null}]`), permanent, "malformed", ""},
		{"error that is a text", huetest.Body(`[{"error":"no"}]`), permanent, "malformed", ""},
		{"error with a text for type", huetest.Body(`[{"error":{"type":"1"}}]`), permanent, "malformed", ""},
		{"error with a number for description", huetest.Body(`[{"error":{"type":7,"description":7,"address":7}}]`), permanent, "hue error 7", "no description"},
		{"success", huetest.Body(`[{"success":{}}]`), permanent, "malformed", ""},
		{"list of null", huetest.Body(`[null]`), permanent, "malformed", ""},
		{"list of numbers", huetest.Body(`[1,2]`), permanent, "malformed", ""},

		{"page", huetest.HTMLPage, permanent, "malformed", "HTML"},
		{"plain text", huetest.Body(`Service starting`), permanent, "malformed", ""},
		{"number", huetest.Body(`5`), permanent, "malformed", "a number"},
		{"boolean", huetest.Body(`true`), permanent, "malformed", ""},
		{"text", huetest.Body(`"busy"`), permanent, "malformed", ""},
		{"not quite JSON", huetest.Body(`{"1":{'type':1}}`), permanent, "malformed", ""},
		{"continues after its end", huetest.Body(one(``) + `{}`), permanent, "malformed", "after its end"},
		{"nothing but bad entries", huetest.Body(`{"error":{"type":1}}`), permanent, "malformed", "not a positive number"},
		{"deep nesting", huetest.Body(`{"1":` + strings.Repeat(`[`, 20000)), permanent, "malformed", ""},

		{"cut connection in the body", huetest.Truncated, transient, "truncated", ""},
		{"cut connection", huetest.Drop, transient, "truncated", ""},
		{"cut JSON", huetest.Body(`{"1":{"name":"Ha`), transient, "truncated", ""},
		{"cut between entries", huetest.Body(`{"1":{},`), transient, "truncated", ""},
		{"cut after a key", huetest.Body(`{"1"`), transient, "truncated", ""},
		{"cut before the end", huetest.Body(`{"1":{}`), transient, "truncated", ""},
		{"cut list", huetest.Body(`[{"error":{"type":9}}`), transient, "truncated", ""},
		{"cut literal", huetest.Body(`nul`), transient, "truncated", ""},

		{"announces too much", huetest.Status(200, http.Header{"Content-Length": {strconv.Itoa(50 << 20)}}, `{`), permanent, "oversized", ""},
		{"50 MB of name", huetest.Flood(50 << 20), permanent, "oversized", ""},
		{"50 MB of white space", flood("", " "), permanent, "oversized", ""},
		{"50 MB of white space at the end", flood(one(``), " "), permanent, "oversized", ""},
		{"50 MB of sensors", flood(`{"1":{}`, `,"2":{"type":"ZLLPresence"}`), permanent, "oversized", ""},
		{"50 MB of bad sensors", flood(`{"1":{}`, `,"x":{}`), permanent, "oversized", ""},
		{"50 MB of one sensor", flood(`{"1":{"state":{"a":1`, `,"a":1`), permanent, "oversized", ""},
		{"50 MB of one list", flood(`[`, `1,`), permanent, "malformed", ""},
		{"50 MB of one number", flood(`{"1":{"state":{"temperature":1`, `0`), permanent, "oversized", ""},
		{"50 MB of keys", flood(`{"`, `9`), permanent, "oversized", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHome(t, nil, nil)
				h.bridge.Script(always(test.answer)...)
				snapshot, err := h.collect(t)
				if err == nil {
					t.Fatalf("no error, but %+v", snapshot)
				}
				if got := collectors.ClassOf(err); got != test.class {
					t.Errorf("class %s, want %s: %v", got, test.class, err)
				}
				if got := collectors.KindOf(err); got != test.kind {
					t.Errorf("kind %q, want %q: %v", got, test.kind, err)
				}
				if !strings.Contains(err.Error(), test.words) || len(err.Error()) > 500 {
					t.Errorf("error %q", err)
				}
				want := 1
				if test.class == transient {
					want = 3
				}
				if n := h.bridge.Requests(); n != want {
					t.Errorf("%d calls, want %d", n, want)
				}
				if test.class == authentication {
					code := "Hue error 1"
					if strings.HasPrefix(test.name, "40") {
						code = "HTTP " + test.name
					}
					checkAuthentication(t, err, code)
				}
				// The next poll is none the worse for it.
				h.bridge.Script()
				h.bridge.SetMotionSensor(hall)
				deviceIn(t, h.mustCollect(t), hallID)
			})
		})
	}
}

// flood answers with a start and then 50 MB of the same, of unannounced length.
func flood(start, more string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if _, err := io.WriteString(w, start); err != nil {
			return
		}
		chunk := strings.Repeat(more, 64<<10/len(more))
		for sent := 0; sent < 50<<20; sent += len(chunk) {
			if _, err := io.WriteString(w, chunk); err != nil {
				return // the client has had enough
			}
		}
	}
}

// body is a RoundTripper that answers 200 with a text.
type body string

func (b body) RoundTrip(req *http.Request) (*http.Response, error) {
	return answer(req, strings.NewReader(string(b))), nil
}

func answer(req *http.Request, r io.Reader) *http.Response {
	return &http.Response{
		StatusCode: 200, Status: "200 OK", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(r), Request: req,
	}
}

// enough is time for the largest answer on a machine that is busy with other work.
const enough = 10 * time.Minute

// collectBody collects from an answer that comes without a connection.
func collectBody(t testing.TB, text string) (collectors.Snapshot, error) {
	t.Helper()
	c := newCollector(t, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]", Timeout: enough})
	c.SetTransport(body(text))
	retrier := onceRetrier()
	return c.Collect(t.Context(), retrier)
}

// A long text in one entry costs neither that entry nor the memory it asks for.
func TestLargeAnswerIsAccepted(t *testing.T) {
	h := newTestHome(t, nil, func(o *hue.Options) { o.Timeout = enough })
	h.bridge.Script(huetest.Flood(30 << 20))
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	snapshot := h.mustCollect(t)
	runtime.ReadMemStats(&after)
	d := deviceIn(t, snapshot, hallID)
	if len(d.Name) != 128 || d.Readings[collectors.Motion] != collectors.Bool(true) {
		t.Errorf("name of %d bytes, readings %v", len(d.Name), d.Readings)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2<<20 {
		t.Errorf("%d bytes allocated for an answer of 30 MiB with one sensor", allocated)
	}
}

func TestAnswerLimits(t *testing.T) {
	sensors := func(n int) string {
		var b strings.Builder
		b.WriteString("{")
		for i := range n {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, `"%d":{}`, i+1)
		}
		return b.String() + "}"
	}
	texts := func(n int) string { // an entry of about n bytes
		return `{"1":{"a":[0` + strings.Repeat(`,0`, n/2) + `]}}`
	}
	tests := []struct {
		name, text, kind string
	}{
		{"as many sensors as may be", sensors(hue.MaxEntries), ""},
		{"one more", sensors(hue.MaxEntries + 1), "oversized"},
		{"a large sensor", texts(hue.MaxEntry - 1000), ""},
		{"one that is too large", texts(hue.MaxEntry + 8192), "oversized"},
		{"as long as may be", `{"1":{}}` + strings.Repeat(" ", hue.MaxBody-8), ""},
		{"one byte more", `{"1":{}}` + strings.Repeat(" ", hue.MaxBody-7), "oversized"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := collectBody(t, test.text)
			if test.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
			} else if kind := collectors.KindOf(err); err == nil || kind != test.kind {
				t.Errorf("kind %q, want %q: %v", kind, test.kind, err)
			}
		})
	}
}

// A bridge that repeats the key in its answers must not bring it into an
// error; collect looks for it.
func TestErrorsNeverContainTheKey(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"description":       huetest.Body(`[{"error":{"type":3,"address":"/` + key + `","description":"resource, /api/` + key + `, not available"}}]`),
		"description split": huetest.Body(`[{"error":{"type":3,"description":"` + key[:9] + "\xff" + key[9:] + `"}}]`),
		"unauthorized":      huetest.Body(`[{"error":{"type":1,"description":"unknown user ` + key + `"}}]`),
		"id":                huetest.Body(`{"1":{},"` + key + `":{}}`),
		"only id":           huetest.Body(`{"` + key + `":{}}`),
		"last update":       huetest.Body(`{"1":{"type":"ZLLPresence","uniqueid":"` + hallMAC + `-02","state":{"lastupdated":"` + key + `"}}}`),
		"redirect":          huetest.Status(301, http.Header{"Location": {"http://elsewhere/api/" + key}}, ""),
		"reason":            raw("HTTP/1.1 503 " + key + "\r\n\r\n"),
		"not HTTP":          raw("GET /api/" + key + "/sensors\r\n\r\n"),
		"bad status":        raw("HTTP/1.1 abc" + key + "\r\n\r\n"),
		"bad length":        raw("HTTP/1.1 200 OK\r\nContent-Length: " + key + "\r\n\r\n"),
		"bad encoding":      raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + key + "\r\n\r\n"),
		"bad header":        raw("HTTP/1.1 200 OK\r\n" + key + "\r\n\r\n"),
		"long bad header":   raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("\x1b[31m", 5000) + "\r\n\r\n"),
		"drop":              huetest.Drop,
		"hang":              huetest.Hang,
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHome(t, nil, nil)
				h.bridge.Script(always(answer)...)
				snapshot, err := h.collect(t)
				if err == nil && len(snapshot.Faults) == 0 {
					t.Error("neither error nor fault")
				}
			})
		})
	}
}

// raw answers with bytes that need not be HTTP.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			panic(err)
		}
	}
}
