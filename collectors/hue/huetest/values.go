package huetest

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

const signify = "Signify Netherlands B.V."

type object = map[string]any

// stamp is the present time as CLIP v1 writes it.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05") }

// macOf is the bridge's own network address, which its id is made of by putting
// fffe into the middle.
func macOf(id string) string {
	id = strings.ToLower(id)
	if len(id) != 16 {
		return "00:17:88:00:00:00"
	}
	digits := id[:6] + id[10:]
	var octets []string
	for i := 0; i < len(digits); i += 2 {
		octets = append(octets, digits[i:i+2])
	}
	return strings.Join(octets, ":")
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("huetest: %v", err)) // made of texts, checked numbers and truths only
	}
	return text
}

func random(n int) []byte {
	bytes := make([]byte, n)
	_, _ = rand.Read(bytes) // never fails, by its documentation
	return bytes
}

// reference is how resources name each other.
func reference(id, kind string) object { return object{"rid": id, "rtype": kind} }

// uuid is the id of a resource: the same for the same names, always.
func uuid(names ...string) string {
	sum := sha1.Sum([]byte("huetest\x00" + strings.Join(names, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	digits := hex.EncodeToString(sum[:16])
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// constant builds an object that never changes.
func constant(o object) func() object { return func() object { return o } }

func randomUUID() string { return uuid(string(random(16))) }

func checkFinite(x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		panic(fmt.Sprintf("huetest: a sensor cannot measure %v", x))
	}
}

func since(same bool, old, now time.Time) time.Time {
	if same {
		return old
	}
	return now
}

// connectivity is the Zigbee status of a device with a battery.
func connectivity(reachable bool) string {
	if reachable {
		return "connected"
	}
	return "connectivity_issue"
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// lower returns a MAC in lower case, as the home stores it.
func lower(mac string) string { return strings.ToLower(mac) }
