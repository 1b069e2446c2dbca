package huetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// Authority signs the certificates of bridges, as Signify's root does.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority returns an authority that is not trusted yet. Its name is that of
// Signify's root.
func NewAuthority() *Authority {
	key := newKey()
	template := newTemplate("root-bridge")
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.ExtKeyUsage = nil
	return &Authority{sign(template, template, key, key), key}
}

// Certificate is the authority's own certificate, for a pool of roots.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// Issue makes a certificate for a common name, which is the bridge's id in lower
// case where all is well: see [Bridge.ID]. As in a real bridge's there are no
// names of hosts in it.
func (a *Authority) Issue(commonName string) tls.Certificate {
	key := newKey()
	leaf := sign(newTemplate(commonName), a.certificate, key, a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// SelfSigned makes a certificate that signs itself, as old bridges have.
func SelfSigned(commonName string) tls.Certificate {
	key := newKey()
	template := newTemplate(commonName)
	leaf := sign(template, template, key, key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("huetest: making a key: %v", err))
	}
	return key
}

// newTemplate makes a certificate that is good from 2017, or from yesterday where
// the clock is before that, until 2038.
func newTemplate(commonName string) *x509.Certificate {
	from := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	if yesterday := time.Now().Add(-24 * time.Hour); yesterday.Before(from) {
		from = yesterday
	}
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(random(8)),
		Subject:               pkix.Name{Country: []string{"NL"}, Organization: []string{"Philips Hue"}, CommonName: commonName},
		NotBefore:             from,
		NotAfter:              time.Date(2038, 1, 19, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		panic(fmt.Sprintf("huetest: signing a certificate: %v", err))
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Sprintf("huetest: reading a certificate: %v", err))
	}
	return certificate
}
