package hue

import (
	"encoding/json"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// The quicker decoder takes what encoding/json takes, and makes the same of it.
func FuzzUnmarshal(f *testing.F) {
	for _, raw := range []string{
		`{"id":"m","type":"motion","owner":{"rid":"d"},"enabled":true,"motion":{"motion_report":{"changed":"2025-11-18T14:30:00.123Z","motion":true}}}`,
		`{"temperature":{"temperature_report":{"changed":"yesterday","temperature":"21.34"}}}`,
		`{"light":{"light_level_report":{"light_level":14561}}}`,
		`{"tamper_reports":[{"state":"tampered"}]}`,
		`{"metadata":{"control_id":1},"button":{"event_values":["initial_press"]}}`,
		`{"relative_rotary":{"rotary_report":{"action":"start","rotation":{"steps":1}}}}`,
		`[{"type":"update","data":[{"id":"b"}]}]`,
		strings.Repeat("[", 2*maxBrackets),
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		same(t, raw, new([]container), new([]container))
		same(t, raw, new(header), new(header))
		for kind := range kinds {
			same(t, raw, newValue(kind), newValue(kind))
		}
	})
}

func same(t *testing.T, raw string, got, want any) {
	gotErr, wantErr := unmarshal([]byte(raw), got), json.Unmarshal([]byte(raw), want)
	if (gotErr == nil) != (wantErr == nil) {
		t.Fatalf("%T: the error is %v, not %v", got, gotErr, wantErr)
	}
	if gotErr == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%T: %+v, not %+v", got, got, want)
	}
}

// TestEventsThatNestTooDeep has an event of nothing but brackets, as long as one
// may be: it is no event, and costs neither the stack nor the process.
func TestEventsThatNestTooDeep(t *testing.T) {
	for _, bracket := range []string{"[", `{"a":`, `[{"data":[`, "[ "} {
		raw := []byte(strings.Repeat(bracket, maxEvent/len(bracket)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, into := range []any{new([]container), new(header), newValue("motion")} {
			if unmarshal(raw, into) == nil {
				t.Errorf("%q again and again was taken", bracket)
			}
		}
		runtime.ReadMemStats(&after)
		if grown := int64(after.StackSys) - int64(before.StackSys); grown > 64<<20 {
			t.Errorf("%q again and again cost %d MiB of stack", bracket, grown>>20)
		}
	}
}
