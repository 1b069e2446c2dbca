package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a certificate authority such as people make at home. Its own
// certificate is ca.pem.
type Authority struct {
	t           testing.TB
	dir         string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	serial      int64
}

// NewAuthority makes an authority that writes its files to a directory.
func NewAuthority(t testing.TB, dir, name string) *Authority {
	t.Helper()
	a := &Authority{t: t, dir: dir, key: newKey(t)}
	a.certificate = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-10, 0, 0), NotAfter: time.Now().AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, a.key)
	a.write("ca.pem", "CERTIFICATE", a.certificate.Raw)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign signs a certificate; without a parent it is the authority's own.
func (a *Authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
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
func (a *Authority) write(name, kind string, content []byte) string {
	a.t.Helper()
	WriteFile(a.t, a.File(name), string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})), 0o600)
	return a.File(name)
}

// File returns the path of one of the authority's files.
func (a *Authority) File(name string) string { return filepath.Join(a.dir, name) }

// Localhost is a template for a server on this machine.
var Localhost = x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}

// Issue writes NAME.pem and NAME.key. Unless the template has times, the certificate
// is valid for an hour.
func (a *Authority) Issue(name string, template x509.Certificate) *x509.Certificate {
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

// Settings returns the lines of mosquitto.conf for an issued certificate.
func (a *Authority) Settings(name string) []string {
	return []string{"certfile " + a.File(name+".pem"), "keyfile " + a.File(name+".key")}
}

// Revoke writes a revocation list that is valid until ends, and returns its path.
func (a *Authority) Revoke(name string, ends time.Time, revoked ...*x509.Certificate) string {
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
