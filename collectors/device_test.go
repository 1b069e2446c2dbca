package collectors_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"hueair2mqtt/collectors"
)

func TestDeviceID(t *testing.T) {
	for hardware, want := range map[string]string{
		"00:17:88:01:02:03:04:05":              "hue_0017880102030405",
		"AA:BB":                                "hue_aabb",
		"7d0f5e5c-1111-4222-8333-444455556666": "hue_7d0f5e5c_1111_4222_8333_444455556666",
		"../+/#":                               "",
		"":                                     "",
		"a/b+c#d":                              "hue_a_b_c_d",
		"ÄB{{1}}":                              "hue__b__1__",
		strings.Repeat("x", 1000):              "hue_" + strings.Repeat("x", 64),
	} {
		if got := collectors.DeviceID("hue", hardware); got != want {
			t.Errorf("DeviceID(%.40q) = %q, want %q", hardware, got, want)
		}
	}
}

func TestCleanText(t *testing.T) {
	for dirty, want := range map[string]string{
		"Hall":                      "Hall",
		"  Living\troom\r\n ":       "Living room",
		"a\x00b\x1b[31mc\u202ed":    "a b [31mc d",
		"Küche 🍳":                   "Küche 🍳",
		"bad\xff\xfeutf":            "badutf",
		"\n":                        "",
		strings.Repeat("ä", 10_000): strings.Repeat("ä", 64),
	} {
		if got := collectors.CleanText(dirty); got != want {
			t.Errorf("CleanText(%.40q) = %q, want %q", dirty, got, want)
		}
	}
	if got := collectors.CleanLine("a"+strings.Repeat("ä", 100), 10); !utf8.ValidString(got) || len(got) > 10 {
		t.Errorf("CleanLine cut to %q", got)
	}
}

func TestValueAsJSON(t *testing.T) {
	for want, v := range map[string]collectors.Value{
		"21.35": collectors.Number(21.3456),
		"0":     collectors.Number(-0.0001),
		"48":    collectors.Number(48),
		"true":  collectors.Bool(true),
		"false": collectors.Bool(false),
		"null":  collectors.Unknown,
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("%v is %s (%v), want %s", v, got, err, want)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		if v := collectors.Number(f); !v.IsUnknown() {
			t.Errorf("Number(%v) = %v, want unknown", f, v)
		}
	}
}
