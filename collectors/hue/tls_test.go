package hue_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// authority signs certificates, as Signify and public authorities do.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{cert, key, pool}
}

// issue signs a certificate with this name, for addresses if there are any.
func (a *authority) issue(t *testing.T, name string, validFor time.Duration, addresses ...net.IP) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(validFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestCertificateIsVerified(t *testing.T) {
	public, signify, stranger := newAuthority(t, "public"), newAuthority(t, "signify"), newAuthority(t, "stranger")
	lower := strings.ToLower(bridgeID)
	tests := []struct {
		name string
		cert tls.Certificate
		id   string
		good bool
		want string
	}{
		{"Signify's, for the id", signify.issue(t, lower, time.Hour), bridgeID, true, ""},
		{"Signify's, for another id", signify.issue(t, "001788fffe999999", time.Hour), bridgeID, false, `it is for the id "001788fffe999999"`},
		{"Signify's, for the id that the bridge reports", signify.issue(t, lower, time.Hour), "", true, ""},
		{"Signify's, in capitals as the Bridge Pro's", signify.issue(t, bridgeID, time.Hour), bridgeID, true, ""},
		{"Signify's, for another id than the bridge reports", signify.issue(t, "001788fffe999999", time.Hour), "", false, "001788fffe999999"},
		{"Signify's, for no id at all", signify.issue(t, "bridge", time.Hour), "", false, `"bridge", which is not the id`},
		{"its own", newAuthority(t, lower).issue(t, lower, time.Hour), bridgeID, false, "hue pair --host 127.0.0.1"},
		{"Signify's, expired", signify.issue(t, lower, -time.Hour), bridgeID, false, "expired"},
		{"public, for the address", public.issue(t, "proxy", time.Hour, net.IPv4(127, 0, 0, 1)), "", true, ""},
		{"public, for another address", public.issue(t, "proxy", time.Hour, net.IPv4(127, 0, 0, 2)), "", false, "127.0.0.2"},
		{"public, with the id for a name", public.issue(t, lower, time.Hour), bridgeID, false, "unknown authority"},
		{"a stranger's, with the id for a name", stranger.issue(t, lower, time.Hour, net.IPv4(127, 0, 0, 1)), bridgeID, false, "unknown authority"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bridge := huetest.NewBridge(bridgeID, key)
			bridge.SetMotionSensor(hall)
			server := httptest.NewUnstartedServer(bridge)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{test.cert}}
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
			server.StartTLS()
			defer server.Close()
			c := newCollector(t, hue.Options{
				Host: server.URL, ID: test.id, Username: key, Setting: "hue.bridges[0]", Timeout: 10 * time.Second,
			})
			c.SetRoots(public.pool, signify.pool)
			retrier, logs := newRetrier()
			h := &testHome{bridge: bridge, collector: c, retrier: retrier, log: logs}
			snapshot, err := h.collect(t)
			if test.good {
				if err != nil {
					t.Fatal(err)
				}
				deviceIn(t, snapshot, hallID)
				return
			}
			if err == nil || collectors.ClassOf(err) != collectors.Permanent || collectors.KindOf(err) != "certificate" {
				t.Fatalf("err = %v, want a certificate that is refused", err)
			}
			for _, words := range []string{test.want, "hue.bridges[0].id", "http://"} {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not contain %q", err, words)
				}
			}
			if bridge.Requests() != 0 {
				t.Error("the key was sent")
			}
		})
	}
}
