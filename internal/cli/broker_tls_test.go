package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// authority is a certificate authority such as people make at home.
type authority struct {
	t           *testing.T
	dir         string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	serial      int64
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t)}
	a.certificate = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, a.key)
	a.write("ca.pem", "CERTIFICATE", a.certificate.Raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign signs a certificate; without a parent it is the authority's own.
func (a *authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate
}

// write writes a PEM file and returns its path.
func (a *authority) write(name, kind string, content []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue makes NAME.pem and NAME.key.
func (a *authority) issue(name string, template x509.Certificate) *x509.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	template.Subject.CommonName = name
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	certificate := a.sign(&template, a.certificate, key)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", certificate.Raw)
	a.write(name+".key", "PRIVATE KEY", encoded)
	return certificate
}

// revoke makes a revocation list and returns its file.
func (a *authority) revoke(name string, ends time.Time, revoked ...*x509.Certificate) string {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: ends.Add(-72 * time.Hour), NextUpdate: ends}
	for _, certificate := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: certificate.SerialNumber, RevocationTime: time.Now().Add(-time.Hour)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.certificate, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name, "X509 CRL", der)
}

// asRoot keeps a Mosquitto that root starts from becoming a user who may not read
// what a test has written.
const asRoot = "user root"

// localhost is a certificate for the broker's name.
var localhost = x509.Certificate{DNSNames: []string{"localhost"}}

// TestTLSToTheBroker holds the way to a real Mosquitto against what can be wrong
// with the certificates of both sides, and against what the user is told.
func TestTLSToTheBroker(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t, "House CA"), newAuthority(t, "Another CA")
	longAgo, yesterday := time.Now().Add(-72*time.Hour), time.Now().Add(-24*time.Hour)
	expired := localhost
	expired.NotBefore, expired.NotAfter = longAgo, yesterday
	tomorrow := time.Now().Add(24 * time.Hour)

	ours.issue("broker", localhost)
	ours.issue("expired", expired)
	ours.issue("wrong-name", x509.Certificate{DNSNames: []string{"nas.example"}})
	revoked := ours.issue("revoked", localhost)
	others.issue("broker", localhost)
	ours.issue("client", x509.Certificate{})
	revokedClient := ours.issue("revoked-client", x509.Certificate{})
	ours.issue("expired-client", x509.Certificate{NotBefore: longAgo, NotAfter: yesterday})
	others.issue("client", x509.Certificate{})
	crl := ours.revoke("crl.pem", tomorrow, revoked, revokedClient)
	ended := ours.revoke("ended-crl.pem", yesterday, revoked)
	foreign := others.revoke("crl.pem", tomorrow)

	trusting := []string{"--mqtt.ca_file", ours.file("ca.pem")}
	trusting = slices.Clip(trusting) // appended to below
	shows := func(a *authority, name string) []string {
		return append(trusting, "--mqtt.cert_file", a.file(name+".pem"), "--mqtt.key_file", a.file(name+".key"))
	}
	for name, test := range map[string]struct {
		server   *authority
		shown    string   // the broker's certificate
		asks     bool     // whether the broker asks for the client's
		settings []string // the program's
		refused  string   // what the user is told; "" is a good connection
	}{
		"good":                          {ours, "broker", false, trusting, ""},
		"good, with a list":             {ours, "broker", false, append(trusting, "--mqtt.crl_file", crl), ""},
		"good, with the client's":       {ours, "broker", true, shows(ours, "client"), ""},
		"expired":                       {ours, "expired", false, trusting, "certificate has expired or is not yet valid: .*renew the certificate of the broker, which expired .*or set the clock"},
		"for another name":              {ours, "wrong-name", false, trusting, "valid for nas.example, not localhost; write in mqtt.broker a name that is in the broker's certificate"},
		"of an unknown authority":       {others, "broker", false, trusting, "unknown authority.*set mqtt.ca_file"},
		"of an authority nobody named":  {ours, "broker", false, nil, "unknown authority.*set mqtt.ca_file"},
		"revoked":                       {ours, "revoked", false, append(trusting, "--mqtt.crl_file", crl), "the broker's certificate \\(CN=revoked\\) was revoked by its authority on .*give the broker a new one"},
		"a list that has ended":         {ours, "broker", false, append(trusting, "--mqtt.crl_file", ended), "the revocation list in .* expired on .*replace it with a newer one"},
		"a list of another authority":   {ours, "broker", false, append(trusting, "--mqtt.crl_file", foreign), "has no list from the authority that signed the broker's certificate \\(CN=House CA\\)"},
		"the client's is missing":       {ours, "broker", true, trusting, "certificate required.*check mqtt.cert_file"},
		"the client's is revoked":       {ours, "broker", true, shows(ours, "revoked-client"), "revoked certificate.*check mqtt.cert_file"},
		"the client's has expired":      {ours, "broker", true, shows(ours, "expired-client"), "expired certificate.*check mqtt.cert_file"},
		"the client's is of another CA": {ours, "broker", true, shows(others, "client"), "unknown certificate authority.*check mqtt.cert_file"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := []string{
				asRoot, "cafile " + ours.file("ca.pem"), "certfile " + test.server.file(test.shown+".pem"), "keyfile " + test.server.file(test.shown+".key"),
			}
			if test.asks {
				settings = append(settings, "require_certificate true", "crlfile "+crl)
			}
			broker := startMosquitto(t, settings...)
			file := filepath.Join(t.TempDir(), "hueair2mqtt.yaml")
			content := fmt.Sprintf("mqtt: {broker: \"ssl://localhost:%d\"}\nhue: {enabled: true, bridges: [{host: \"http://127.0.0.1:1\", username: x}]}\nstate_dir: %s\n", broker.port, t.TempDir())
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"run", "--config", file}, test.settings...)
			p := start(t, args...)
			if test.refused == "" {
				eventually(t, "the connection", func() bool { return strings.Contains(p.stderr.String(), "connected to the broker") })
			} else {
				eventually(t, "the refusal "+test.refused, func() bool { return regexp.MustCompile(test.refused).MatchString(p.stderr.String()) })
				if log := p.stderr.String(); strings.Contains(log, "connected to the broker") {
					t.Errorf("it connected all the same:\n%s", log)
				}
			}
			if strings.Contains(p.stderr.String(), "PRIVATE KEY") {
				t.Error("the key was printed")
			}
		})
	}
}

// TestARevocationListCountsWithoutARestart has the broker's certificate revoked
// while the program runs: the next connection is refused.
func TestARevocationListCountsWithoutARestart(t *testing.T) {
	ours := newAuthority(t, "House CA")
	certificate := ours.issue("broker", localhost)
	tomorrow := time.Now().Add(24 * time.Hour)
	crl := ours.revoke("crl.pem", tomorrow)
	broker := startMosquitto(t, asRoot, "cafile "+ours.file("ca.pem"), "certfile "+ours.file("broker.pem"), "keyfile "+ours.file("broker.key"))
	h := newHouse(t)
	p := start(t, "run", "--config", h.config, "--mqtt.broker", fmt.Sprintf("ssl://localhost:%d", broker.port),
		"--mqtt.ca_file", ours.file("ca.pem"), "--mqtt.crl_file", crl)
	eventually(t, "the connection", func() bool { return strings.Contains(p.stderr.String(), "connected to the broker") })
	ours.revoke("crl.pem", tomorrow, certificate)
	broker.stop()
	broker.start()
	eventually(t, "the refusal", func() bool { return strings.Contains(p.stderr.String(), "was revoked by its authority") })
}

// TestARevocationListThatIsNone is told before anything begins.
func TestARevocationListThatIsNone(t *testing.T) {
	ours := newAuthority(t, "House CA")
	h := newHouse(t)
	code, _, stderr := run(t, "run", "--config", h.config, "--mqtt.broker", "ssl://localhost:1", "--mqtt.crl_file", ours.file("ca.pem"))
	if code != exitUnusable || !strings.Contains(stderr, "mqtt.crl_file") || !strings.Contains(stderr, "contains no PEM revocation list") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
