package hue

import (
	"regexp"
	"strings"
)

// zgpConnectivity is the radio of a switch without a battery (Zigbee Green Power):
// the Hue Tap and Friends-of-Hue switches.
type zgpConnectivity struct {
	SourceID string `json:"source_id"`
	Status   string `json:"status"`
}

func (z *zgpConnectivity) radio() (string, bool) {
	return greenPower(z.SourceID), isReachable(z.Status)
}

// sourceID is the address of such a switch where it is written as four octets.
var sourceID = regexp.MustCompile(`^(?:0x)?([0-9a-f]{1,8})$`)

// greenPower makes of a source id the eight octets that v1 shows, and newer
// bridges themselves: "00:00:00:00:00:44:03:d1".
func greenPower(id string) string {
	found := sourceID.FindStringSubmatch(strings.ToLower(id))
	if found == nil {
		return id
	}
	digits := strings.Repeat("0", 2*macOctets-len(found[1])) + found[1]
	var octets []string
	for i := 0; i < len(digits); i += 2 {
		octets = append(octets, digits[i:i+2])
	}
	return strings.Join(octets, ":")
}
