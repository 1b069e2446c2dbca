package bridge_test

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

	"hueair2mqtt/test/harness"
)

// mailHost is the name in the mail server's certificate.
const mailHost = "mail.example"

var mailCertificate tls.Certificate

// TestMain makes an authority that this process trusts, and from it the mail
// server's certificate, before anything has read the system's roots.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hueair2mqtt-roots-")
	if err != nil {
		panic(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: mailHost}, DNSNames: []string{mailHost},
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
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// mailServer is an SMTP server on a network within the process.
type mailServer struct {
	*harness.SMTPServer
	listener *pipeListener
}

func startMailServer(t *testing.T) *mailServer {
	listener := newPipeListener()
	return &mailServer{harness.StartSMTP(t, listener, mailCertificate, "watcher", "s3cret-mail-password"), listener}
}
