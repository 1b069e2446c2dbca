package pairing_test

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"hueair2mqtt/collectors/hue/pairing"
)

// record makes a resource record of multicast DNS.
func record(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 10}, Body: body,
	}
}

// respond answers each question with what answers returns for its number, until
// the test ends. It returns its address.
func respond(t *testing.T, answers func(n int, questions []dnsmessage.Question) [][]byte) net.Addr {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 9000)
		for n := 0; ; n++ {
			size, from, err := socket.ReadFromUDP(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(buf[:size]); err != nil || m.Response {
				t.Errorf("no question: %v", err)
				return
			}
			for _, packet := range answers(n, m.Questions) {
				if _, err := socket.WriteToUDP(packet, from); err != nil {
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

func packet(t *testing.T, response bool, answers, additionals []dnsmessage.Resource) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: response, Authoritative: true}, Answers: answers, Additionals: additionals}
	text, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestMDNSFindsBridges(t *testing.T) {
	const service, instance, host = "_hue._tcp.local.", "Hue Bridge - 010203._hue._tcp.local.", "001788fffe010203.local."
	name := dnsmessage.MustNewName
	ptr := record(service, &dnsmessage.PTRResource{PTR: name(instance)})
	txt := record(instance, &dnsmessage.TXTResource{TXT: []string{"bridgeid=001788fffe010203", "modelid=BSB002"}})
	srv := record(instance, &dnsmessage.SRVResource{Port: 443, Target: name(host)})
	srv8443 := record(instance, &dnsmessage.SRVResource{Port: 8443, Target: name(host)})
	a := record(host, &dnsmessage.AResource{A: [4]byte{192, 168, 1, 2}})
	type records = []dnsmessage.Resource
	tests := []struct {
		name    string
		packets [][]byte // to the first question
		later   [][]byte // to the second one
		host    string
	}{
		{"all at once", [][]byte{packet(t, true, records{ptr}, records{txt, srv, a})}, nil, "192.168.1.2"},
		{"another port", [][]byte{packet(t, true, records{ptr, txt, srv8443, a}, nil)}, nil, "192.168.1.2:8443"},
		{"no address", [][]byte{packet(t, true, records{ptr}, records{txt, srv})}, nil, "127.0.0.1"},
		{"nonsense first", [][]byte{{1, 2, 3}, packet(t, false, records{ptr}, records{txt}), packet(t, true, records{ptr}, records{txt, srv, a})}, nil, "192.168.1.2"},
		{"in two packets", [][]byte{packet(t, true, records{ptr}, records{srv, a}), packet(t, true, records{txt}, nil)}, nil, "192.168.1.2"},
		{"when asked again", [][]byte{packet(t, true, records{ptr}, nil)}, [][]byte{packet(t, true, records{txt, srv, a}, nil)}, "192.168.1.2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			group := respond(t, func(n int, questions []dnsmessage.Question) [][]byte {
				if questions[0].Name.String() != service || questions[0].Type != dnsmessage.TypePTR {
					t.Errorf("asked %v", questions)
				}
				switch n {
				case 0:
					return test.packets
				case 1:
					if len(questions) != 2 || questions[1].Name.String() != instance {
						t.Errorf("asked again %v", questions)
					}
					return test.later
				}
				return nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var found []pairing.Found
			err := pairing.BrowseMDNS(ctx, group, func(f pairing.Found) {
				found = append(found, f)
				cancel()
			})
			if want := []pairing.Found{{ID: "001788fffe010203", Host: test.host, Model: "BSB002"}}; err != nil || !slices.Equal(found, want) {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// A false answer that comes first does not take the place of the bridge's own.
func TestMDNSKeepsEveryResponder(t *testing.T) {
	const service, instance = "_hue._tcp.local.", "Hue Bridge - 010203._hue._tcp.local."
	answer := func(host string, address [4]byte) []byte {
		return packet(t, true, []dnsmessage.Resource{record(service, &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(instance)})}, []dnsmessage.Resource{
			record(instance, &dnsmessage.TXTResource{TXT: []string{"bridgeid=001788fffe010203"}}),
			record(instance, &dnsmessage.SRVResource{Port: 443, Target: dnsmessage.MustNewName(host)}),
			record(host, &dnsmessage.AResource{A: address}),
		})
	}
	group := respond(t, func(int, []dnsmessage.Question) [][]byte {
		return [][]byte{answer("evil.local.", [4]byte{192, 168, 1, 66}), answer("bridge.local.", [4]byte{192, 168, 1, 2})}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var hosts []string
	err := pairing.BrowseMDNS(ctx, group, func(f pairing.Found) {
		if hosts = append(hosts, f.Host); f.Host == "192.168.1.2" {
			cancel()
		}
	})
	if err != nil || !slices.Equal(hosts, []string{"192.168.1.66", "192.168.1.2"}) {
		t.Errorf("%v, %v", hosts, err)
	}
}
