package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// MailHost is the name of the server of StartMail.
const MailHost = "mail.example"

var mailCertificate tls.Certificate

// RunWithMail runs the tests of a package in a process that trusts the certificate of
// MailHost. It makes the certificate before anything has read the system's roots.
func RunWithMail(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "hueair2mqtt-roots-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: MailHost}, DNSNames: []string{MailHost},
		// Virtual time begins in 2000.
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	mailCertificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", roots)
	return m.Run()
}

// StartMail starts MailHost on a network in memory. The package's TestMain must call
// RunWithMail.
func StartMail(t testing.TB) (*SMTPServer, *Network) {
	n := NewNetwork()
	return StartSMTP(t, n, mailCertificate, "watcher", "s3cret-mail-password"), n
}
