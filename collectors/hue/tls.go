package hue

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"hueair2mqtt/collectors"
)

// signifyRoot is the certificate that Signify signs those of its bridges with:
// C=NL, O=Philips Hue, CN=root-bridge, valid from 2017 to 2038, SHA-256
// F0BD8E6509E82F774D63BC009D5388C969FE3DCF7D6D541D6351B72B898D8ACF.
//
//go:embed signify-root.pem
var signifyRoot []byte

// verifier decides whether a certificate is the bridge's. Two kinds are good:
// one for the host in the URL by an authority that the system trusts (a proxy's),
// and one by Signify for the bridge's id.
type verifier struct {
	host    string
	id      string
	setting string
	system  *x509.CertPool // nil: the system's
	signify *x509.CertPool // nil: Signify's
}

func newVerifier(host, id, setting string) *verifier {
	return &verifier{host: host, id: strings.TrimSpace(id), setting: setting}
}

func (v *verifier) verify(state tls.ConnectionState) error {
	leaf := state.PeerCertificates[0]
	intermediates := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		intermediates.AddCert(cert)
	}
	// The host is given here because state.ServerName is empty for an address.
	_, bySystem := leaf.Verify(x509.VerifyOptions{DNSName: v.host, Roots: v.system, Intermediates: intermediates})
	if bySystem == nil {
		return nil
	}
	bySignify := v.verifySignify(leaf, intermediates)
	if bySignify == nil {
		return nil
	}
	return &collectors.PermanentError{Kind: "certificate", Err: fmt.Errorf(
		"the certificate is refused: %w; nor is it one that Signify made for this Hue bridge: %w; "+
			"set %s.id to the Hue bridge's id, or use http:// in %s.host",
		bySystem, bySignify, v.setting, v.setting)}
}

func (v *verifier) verifySignify(leaf *x509.Certificate, intermediates *x509.CertPool) error {
	if v.id == "" {
		return fmt.Errorf("%s.id is not set", v.setting)
	}
	roots := v.signify
	if roots == nil {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(signifyRoot) {
			return errors.New("the certificate of Signify that the program carries is damaged")
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return err
	}
	if !strings.EqualFold(leaf.Subject.CommonName, v.id) {
		return fmt.Errorf("it is for the id %q, not %q", collectors.CleanText(leaf.Subject.CommonName), v.id)
	}
	return nil
}
