package hue

import (
	"net"
	"regexp"
	"strings"
)

// zigbeeConnectivity is the Zigbee radio of a device.
type zigbeeConnectivity struct {
	MACAddress string `json:"mac_address"`
	Status     string `json:"status"`
}

func (z *zigbeeConnectivity) radio() (string, bool) { return z.MACAddress, isReachable(z.Status) }

// zgpConnectivity is the radio of a switch without a battery (Zigbee Green Power): the Hue
// Tap and Friends-of-Hue switches.
type zgpConnectivity struct {
	SourceID string `json:"source_id"`
	Status   string `json:"status"`
}

func (z *zgpConnectivity) radio() (string, bool) {
	return greenPowerMAC(z.SourceID), isReachable(z.Status)
}

// sourceID matches the address of such a switch as a number of four octets.
var sourceID = regexp.MustCompile(`^(?:0x)?([0-9a-f]{1,8})$`)

// greenPowerMAC expands a source id to the eight octets that v1 and newer bridges report:
// "00:00:00:00:00:44:03:d1".
func greenPowerMAC(id string) string {
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

// macOctets is the length of a Zigbee address. What has a shorter address, or none, is no
// hardware.
const macOctets = 8

// mac returns the hardware address at the beginning of a uniqueid such as
// "00:17:88:01:02:03:04:05-02-0402", or "".
func mac(uniqueID string) string {
	head, _, _ := strings.Cut(uniqueID, "-")
	if address, err := net.ParseMAC(head); err != nil || len(address) != macOctets || strings.Count(head, ":") != macOctets-1 {
		return ""
	}
	return head
}
