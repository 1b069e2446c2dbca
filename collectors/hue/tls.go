package hue

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// signifyRoots are the certificates that Signify signs those of its bridges
// with, as its page "Using HTTPS" lists them
// (developers.meethue.com/develop/application-design-guidance/using-https). That
// page needs an account; the second one, of 2025, was therefore compared in the
// sources of openhue/openhue-go (certs.go) and openhab/openhab-addons
// (huebridge_cacert_v2.pem), which agree.
//
//go:embed signify-root.pem
var signifyRoots []byte

// hexID is what a bridge's id looks like.
var hexID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// normalID brings a bridge's id into the form in which ids are compared and
// stored, or returns "". The Bridge Pro writes its own in capitals.
func normalID(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	if !hexID.MatchString(id) {
		return ""
	}
	return id
}

// authorities are the certificates that are trusted.
type authorities struct {
	system  *x509.CertPool // nil: the system's
	signify *x509.CertPool // nil: Signify's
}

// verifier decides whether a certificate is the bridge's. If a fingerprint was
// stored at pairing, it accepts that certificate and one by Signify for the
// bridge's id. Otherwise it also accepts one by an authority that the system
// trusts (a proxy's), but only for a host that the user named: for a found address
// any such authority could speak.
type verifier struct {
	host        string
	named       bool   // the user named the host; see above
	id          string // "" where none is known: any that Signify signed then
	fingerprint string // of the bridge's own certificate; "" if it has none
	trusted     authorities
	remedy      string // what to do about a certificate that is refused
}

// witness names what a certificate was accepted for.
type witness int

const (
	noWitness witness = iota
	byFingerprint
	bySystem
	bySignify
)

// verify is a tls.Config's VerifyConnection.
func (v *verifier) verify(state tls.ConnectionState) error {
	_, err := v.judge(state)
	return err
}

// judge accepts or refuses the certificate of a connection.
func (v *verifier) judge(state tls.ConnectionState) (witness, error) {
	leaf := state.PeerCertificates[0]
	if v.fingerprint != "" && subtle.ConstantTimeCompare([]byte(fingerprint(leaf)), []byte(v.fingerprint)) == 1 {
		return byFingerprint, nil
	}
	intermediates := intermediatesOf(&state)
	var refusals []string
	switch {
	case v.fingerprint != "":
		refusals = append(refusals, "it is not the one that was stored at pairing")
	case !v.named:
		refusals = append(refusals, "the address was found, not configured, so that no authority of the system counts")
	default:
		// The host is given here because state.ServerName is empty for an address.
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: v.host, Roots: v.trusted.system, Intermediates: intermediates})
		if err == nil {
			return bySystem, nil
		}
		refusals = append(refusals, collectors.CleanText(err.Error()))
	}
	// A bridge that signed its own gets one of Signify's by an update, so this is
	// asked although a fingerprint is known.
	id, err := v.trusted.signed(leaf, intermediates)
	if err == nil {
		if v.id == "" || v.id == id {
			return bySignify, nil
		}
		err = fmt.Errorf("it is for the id %q, not %q", id, v.id)
	}
	refusals = append(refusals, "nor is it one that Signify made for this Hue bridge: "+collectors.CleanText(err.Error()))
	remedy := v.remedy
	if byTime := collectors.CertificateRemedy(err, time.Now(), "the Hue bridge"); byTime != "" {
		remedy = byTime + "; " + remedy
	}
	return noWitness, &collectors.PermanentError{Kind: "certificate", Err: &collectors.RemedyError{
		Remedy: remedy, Err: fmt.Errorf("the certificate is refused: %s", strings.Join(refusals, "; ")),
	}}
}

func intermediatesOf(state *tls.ConnectionState) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		pool.AddCert(cert)
	}
	return pool
}

// signed checks that Signify made the certificate and returns the id of the
// bridge it made it for.
func (a authorities) signed(leaf *x509.Certificate, intermediates *x509.CertPool) (string, error) {
	roots := a.signify
	if roots == nil {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(signifyRoots) {
			return "", errors.New("the certificates of Signify that the program carries are damaged")
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return "", err
	}
	id := normalID(leaf.Subject.CommonName)
	if id == "" {
		return "", fmt.Errorf("it is for %q, which is no id of a Hue bridge", collectors.CleanText(leaf.Subject.CommonName))
	}
	return id, nil
}

// fingerprint is the SHA-256 of a certificate in lower-case hexadecimal digits.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}
