package huetest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
)

func TestServerCertificates(t *testing.T) {
	shared := huetest.NewAuthority()
	tests := []struct {
		name       string
		options    []huetest.ServerOption
		commonName string
		issuer     string
	}{
		{"of its own authority", nil, bridgeID, "root-bridge"},
		{"of a given authority", []huetest.ServerOption{huetest.WithAuthority(shared)}, bridgeID, "root-bridge"},
		{"of another bridge", []huetest.ServerOption{huetest.WithCommonName("ecb5fafffe000000")}, "ecb5fafffe000000", "root-bridge"},
		{"self-signed", []huetest.ServerOption{huetest.WithSelfSigned()}, bridgeID, bridgeID},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := huetest.NewBridge(strings.ToUpper(bridgeID), key)
			c, server := overTCP(t, b, test.options...)
			resp, _ := c.ask("GET", "/clip/v2/resource/bridge", nil, "")
			leaf := resp.TLS.PeerCertificates[0]
			if resp.StatusCode != 200 || !leaf.Equal(server.Certificate()) || len(resp.TLS.PeerCertificates) != 1 {
				t.Errorf("%s, %d certificates, %v", resp.Status, len(resp.TLS.PeerCertificates), leaf.Subject)
			}
			if leaf.Subject.CommonName != test.commonName || leaf.Issuer.CommonName != test.issuer || len(leaf.DNSNames)+len(leaf.IPAddresses) > 0 {
				t.Errorf("for %s by %s, hosts %v %v", leaf.Subject, leaf.Issuer, leaf.DNSNames, leaf.IPAddresses)
			}
			roots := x509.NewCertPool()
			roots.AddCert(server.CA())
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); err != nil {
				t.Errorf("the authority does not vouch for it: %v", err)
			}
			others := x509.NewCertPool()
			others.AddCert(huetest.NewAuthority().Certificate())
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: others}); err == nil {
				t.Error("any authority vouches for it")
			}
		})
	}
}

func TestServerOnAnAddress(t *testing.T) {
	c, server := overTCP(t, newTestHome(), huetest.WithAddress("127.0.0.3:0"))
	if !strings.HasPrefix(server.Host(), "127.0.0.3:") {
		t.Error(server.Host())
	}
	if resp, _ := c.ask("GET", "/api/config", nil, ""); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}

func TestServesHTTP1(t *testing.T) {
	b := newTestHome()
	server := huetest.StartTLS(b)
	defer server.Close()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	c := &client{t, server.URL, &http.Client{Transport: transport}}
	l := c.listen(nil)
	defer l.close()
	if l.resp.ProtoMajor != 1 {
		t.Error(l.resp.Proto)
	}
	b.Rename(mac, "Flur")
	if _, r := l.next(); r["type"] != "device" {
		t.Errorf("%v", r)
	}
}

// Close ends requests in progress, whatever the protocol.
func TestCloseLeavesNoGoroutines(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		b := newTestHome()
		server := huetest.StartTLS(b)
		b.ScriptPath("/api/config", huetest.Hang)
		c := &client{t, server.URL, &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2,
		}}}
		l := c.listen(nil)
		hung := make(chan error)
		go func() {
			_, err := c.do(context.Background(), "GET", "/api/config", nil, "")
			hung <- err
		}()
		for b.RequestsTo("/api/config") == 0 {
			runtime.Gosched()
		}
		server.Close()
		if n := b.Streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
		if err := <-hung; err == nil {
			t.Error("an answer")
		}
		if _, err := l.lines.ReadByte(); err == nil {
			t.Error("the stream is still open")
		}
		l.close()
		c.http.CloseIdleConnections()
		if _, err := c.do(t.Context(), "GET", "/api/0/config", nil, ""); err == nil {
			t.Error("the server still serves")
		}
		stacks := ""
		// The last goroutines may still be returning.
		for range 10_000 {
			stacks = string(allStacks())
			if !strings.Contains(stacks, "huetest.(*Server)") && !strings.Contains(stacks, "huetest.(*Bridge)") {
				stacks = ""
				break
			}
			runtime.Gosched()
		}
		if stacks != "" {
			t.Errorf("goroutines are left:\n%s", stacks)
		}
	}
}

func allStacks() []byte {
	text := make([]byte, 1<<20)
	return text[:runtime.Stack(text, true)]
}

// BenchmarkEvent measures from a change of the home to the line in the client.
func BenchmarkEvent(b *testing.B) {
	for _, sensors := range []int{20, 1000} {
		for _, version := range []string{"HTTP1", "HTTP2"} {
			b.Run(fmt.Sprintf("%s/%d", version, sensors), func(b *testing.B) {
				bridge := huetest.NewBridge(bridgeID, key)
				s := hall
				for i := range sensors {
					s.MAC = fmt.Sprintf("00:17:88:01:02:03:%02x:%02x", i>>8, i&0xff)
					bridge.SetMotionSensor(s)
				}
				server := huetest.StartTLS(bridge)
				defer server.Close()
				transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: version == "HTTP2"}
				defer transport.CloseIdleConnections()
				l := (&client{b, server.URL, &http.Client{Transport: transport}}).listen(nil)
				defer l.close()
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					s.Temperature = float64(i % 40)
					s.Motion = i%2 == 0
					bridge.SetMotionSensor(s)
					for range 3 {
						l.line()
					}
				}
			})
		}
	}
}
