package pairing_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/pairing"
)

// answerSSDP answers each search with these packets until the test ends. It returns
// its address.
func answerSSDP(t *testing.T, packets ...string) net.Addr {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, from, err := socket.ReadFromUDP(buf)
			if err != nil {
				return
			}
			search := string(buf[:n])
			for _, line := range []string{"M-SEARCH * HTTP/1.1\r\n", "HOST: 239.255.255.250:1900\r\n", "MAN: \"ssdp:discover\"\r\n", "\r\nST: upnp:rootdevice\r\n", "\r\n\r\n"} {
				if !strings.Contains(search, line) {
					t.Errorf("no %q in %q", line, search)
				}
			}
			for _, packet := range packets {
				if _, err := socket.WriteToUDP([]byte(packet), from); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = socket.Close()
		<-ended
	})
	return socket.LocalAddr()
}

// ssdpPacket is what a bridge of the first kind answers.
func ssdpPacket(location, id string) string {
	text := "HTTP/1.1 200 OK\r\nHOST: 239.255.255.250:1900\r\nEXT:\r\nCACHE-CONTROL: max-age=100\r\nLOCATION: " + location +
		"\r\nSERVER: FreeRTOS/7.4.2, UPnP/1.0, IpBridge/1.16.0\r\n"
	if id != "" {
		text += "hue-bridgeid: " + id + "\r\n"
	}
	return text + "ST: upnp:rootdevice\r\nUSN: uuid:2f402f80-da50-11e1-9b23-001788010203::upnp:rootdevice\r\n\r\n"
}

func TestSSDPFindsBridges(t *testing.T) {
	tests := map[string]struct {
		packets []string
		want    []pairing.Found
	}{
		"a first bridge": {
			[]string{ssdpPacket("http://127.0.0.1:80/description.xml", bridgeID)},
			[]pairing.Found{{ID: strings.ToLower(bridgeID), Host: "127.0.0.1"}},
		},
		"several answers": {
			slices.Repeat([]string{ssdpPacket("http://127.0.0.1:80/description.xml", bridgeID)}, 6),
			[]pairing.Found{{ID: strings.ToLower(bridgeID), Host: "127.0.0.1"}},
		},
		"another port": {
			[]string{ssdpPacket("http://127.0.0.1:8080/description.xml", bridgeID)},
			[]pairing.Found{{ID: strings.ToLower(bridgeID), Host: "127.0.0.1:8080"}},
		},
		"several answers for one id": {
			[]string{
				ssdpPacket("http://127.0.0.1:8080/description.xml", bridgeID), ssdpPacket("http://127.0.0.1:80/description.xml", bridgeID),
			},
			[]pairing.Found{{ID: strings.ToLower(bridgeID), Host: "127.0.0.1:8080"}, {ID: strings.ToLower(bridgeID), Host: "127.0.0.1"}},
		},
		"the address of somebody else": {
			[]string{ssdpPacket("http://192.0.2.1/description.xml", bridgeID)},
			[]pairing.Found{{ID: strings.ToLower(bridgeID), Host: "127.0.0.1"}},
		},
		"a router, a search, nonsense": {
			[]string{
				ssdpPacket("http://127.0.0.1:5000/rootDesc.xml", ""), "M-SEARCH * HTTP/1.1\r\n\r\n", "\x00\x01", "",
				ssdpPacket("::", "001788FFFE010204"), ssdpPacket("http://127.0.0.1/", "no id"),
			},
			[]pairing.Found{{ID: "001788fffe010204", Host: "127.0.0.1"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group := answerSSDP(t, test.packets...)
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			var found []pairing.Found
			if err := pairing.SearchSSDP(ctx, group, func(f pairing.Found) { found = append(found, f) }); err != nil {
				t.Error(err)
			}
			if !slices.Equal(found, test.want) {
				t.Errorf("found %+v, want %+v", found, test.want)
			}
		})
	}
}
