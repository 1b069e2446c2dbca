package amazon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// recorded gives the bodies that a client of an account gets, in the order of
// its requests: the listing, the readings by GraphQL, those by phoenix.
func recorded(tb testing.TB, monitors ...amazontest.Monitor) [3][]byte {
	tb.Helper()
	account := amazontest.NewAccount()
	for _, m := range monitors {
		account.SetMonitor(m)
	}
	var bodies [][]byte
	fail := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		if fail && r.URL.Path == amazontest.GraphQLPath {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		account.ServeHTTP(recorder, r)
		bodies = append(bodies, recorder.Body.Bytes())
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorder.Code)
		if _, err := w.Write(recorder.Body.Bytes()); err != nil {
			tb.Error(err)
		}
	}))
	defer server.Close()
	path := tb.TempDir() + "/cookies.json"
	collector, retry := overLoopback(tb, account, server.URL, path)
	defer collector.Close()
	for range 2 {
		if _, err := collector.Collect(tb.Context(), retry); err != nil {
			tb.Fatal(err)
		}
		fail = true
	}
	if len(bodies) != 3 {
		tb.Fatalf("%d answers were recorded, want 3", len(bodies))
	}
	return [3][]byte(bodies)
}

func addSeeds(f *testing.F, bodies ...[]byte) {
	for _, body := range bodies {
		f.Add(body)
		f.Add(append(append([]byte("["), body...), ']'))
		f.Add(body[:len(body)/2])
		f.Add(bytes.ReplaceAll(body, []byte("null"), []byte(`"x"`)))
		f.Add(bytes.ReplaceAll(body, []byte(`"value"`), []byte(`"val"`)))
		f.Add(bytes.ReplaceAll(body, []byte("{"), []byte("[")))
	}
	for _, seed := range []string{
		`{}`, `[]`, `null`, `5`, `""`, `{"data":null,"errors":[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]}`,
		`{"data":{"listEndpoints":{"endpoints":[null]}},"errors":{}}`, `{"deviceStates":[{"entity":{},"capabilityStates":["1e999"]}],"errors":[null]}`,
	} {
		f.Add([]byte(seed))
	}
}

var deviceID = regexp.MustCompile(`^amazon_[a-z0-9_]{1,64}$`)

func checkDevices(t *testing.T, devices []collectors.Device) {
	t.Helper()
	last := ""
	for _, d := range devices {
		if !deviceID.MatchString(d.ID) {
			t.Errorf("id %q", d.ID)
		}
		if d.ID <= last {
			t.Errorf("id %q comes after %q", d.ID, last)
		}
		last = d.ID
		if len(d.Readings) > 7 {
			t.Errorf("%s has %d readings", d.ID, len(d.Readings))
		}
		for m, value := range d.Readings {
			number, ok := value.Number()
			if !ok && !value.IsUnknown() {
				t.Errorf("%s of %s is %v", m, d.ID, value)
			}
			if math.IsNaN(number) || number < -60 || number > 1e6 {
				t.Errorf("%s of %s is %v", m, d.ID, number)
			}
			if ok && !d.Online {
				t.Errorf("%s is offline, with %s %v", d.ID, m, number)
			}
		}
		for _, text := range []string{d.Name, d.Manufacturer, d.Model, d.SoftwareVersion, d.Serial} {
			if text != collectors.CleanText(text) {
				t.Errorf("text %q is not clean", text)
			}
		}
		if _, err := json.Marshal(d.Readings); err != nil {
			t.Error(err)
		}
	}
}

func checkFaults(t *testing.T, found []error) {
	t.Helper()
	if len(found) > 51 {
		t.Errorf("%d faults", len(found))
	}
	for _, fault := range found {
		if fault.Error() == "" || len(fault.Error()) > 2000 {
			t.Errorf("a fault of %d bytes", len(fault.Error()))
		}
	}
}

func FuzzListing(f *testing.F) {
	bodies := recorded(f, alexa.Kitchen, alexa.Cellar)
	addSeeds(f, bodies[0], []byte(`[`+entity(alexa.Kitchen)+`,`+entity(alexa.Cellar)+`]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var parsers amazon.Parsers
		checkFaults(t, parsers.List(body))
		parsers.List(bodies[0])
		checkFaults(t, parsers.List(body))
		devices, found, err := parsers.GraphQL(bodies[1])
		if err != nil {
			t.Error(err)
		}
		checkFaults(t, found)
		checkDevices(t, devices)
	})
}

func FuzzReadings(f *testing.F) {
	bodies := recorded(f, alexa.Kitchen, hall)
	addSeeds(f, bodies[1], bodies[2])
	f.Fuzz(func(t *testing.T, body []byte) {
		var parsers amazon.Parsers
		parsers.List(bodies[0])
		for _, parse := range []func([]byte) ([]collectors.Device, []error, error){parsers.GraphQL, parsers.Phoenix} {
			devices, found, err := parse(body)
			checkFaults(t, found)
			if len(devices) != 2 {
				t.Errorf("%d devices, want 2", len(devices))
			}
			checkDevices(t, devices)
			if err != nil && collectors.ClassOf(err) == collectors.Transient && collectors.AsThrottled(err) == nil {
				t.Errorf("error %v is transient: another try would bring the same answer", err)
			}
		}
	})
}

func thousand(b *testing.B) [3][]byte {
	monitors := make([]amazontest.Monitor, 1000)
	for i := range monitors {
		m := alexa.Kitchen
		m.Serial, m.EntityID, m.ApplianceID = fmt.Sprintf("G0%06d", i), fmt.Sprintf("0f9c2f1e-0000-4000-8000-%012d", i), fmt.Sprintf("AAA_%d", i)
		monitors[i] = m
	}
	return recorded(b, monitors...)
}

func BenchmarkThousandMonitors(b *testing.B) {
	bodies := thousand(b)
	var parsers amazon.Parsers
	if found := parsers.List(bodies[0]); len(found) > 0 {
		b.Fatal(found)
	}
	b.Run("listing", func(b *testing.B) {
		b.SetBytes(int64(len(bodies[0])))
		b.ReportAllocs()
		for b.Loop() {
			var parsers amazon.Parsers
			parsers.List(bodies[0])
		}
	})
	for name, run := range map[string]struct {
		body  []byte
		parse func([]byte) ([]collectors.Device, []error, error)
	}{"GraphQL": {bodies[1], parsers.GraphQL}, "phoenix": {bodies[2], parsers.Phoenix}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(run.body)))
			b.ReportAllocs()
			for b.Loop() {
				devices, found, err := run.parse(run.body)
				if err != nil || len(devices) != 1000 || len(found) > 0 || !devices[0].Online {
					b.Fatal(len(devices), found, err)
				}
			}
		})
	}
}
