package pairing

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/collectors"
)

// signifyRoots are the certificates with which Signify signs those of its bridges
// (developers.meethue.com/develop/application-design-guidance/using-https). That page
// needs an account; the second certificate, of 2025, was therefore compared with
// openhue/openhue-go (certs.go) and openhab/openhab-addons (huebridge_cacert_v2.pem),
// which agree.
//
//go:embed signify-root.pem
var signifyRoots []byte

// Authorities are the trusted certificate authorities.
type Authorities struct {
	System  *x509.CertPool // nil: the system's
	Signify *x509.CertPool // nil: Signify's
}

// verifier decides whether a certificate belongs to the bridge. It accepts
//   - the certificate whose fingerprint was stored at pairing,
//   - one that Signify issued for the bridge's id, and
//   - one by an authority that the system trusts (a proxy's), but only without a
//     stored fingerprint and for a host that the user named: for a found address any
//     such authority could vouch.
type verifier struct {
	host        string
	named       bool   // the user named the host
	id          string // "" accepts any id that Signify signed
	fingerprint string // of the bridge's self-signed certificate; "" if it has none
	trusted     Authorities
	remedy      string // for a certificate that is refused
	// introduction, if set, records and accepts a self-signed certificate.
	introduction *introduction
}

// introduction is what the certificate revealed while a bridge is being paired. That is
// the only time when a self-signed one is accepted.
type introduction struct {
	mu          sync.Mutex
	bySignify   bool
	fingerprint string // of a self-signed certificate
	id          string // in a self-signed certificate
}

// verify implements tls.Config.VerifyConnection.
func (v *verifier) verify(state tls.ConnectionState) error {
	bySignify, err := v.accept(state)
	if v.introduction == nil {
		return err
	}
	return v.introduction.verify(state.PeerCertificates[0], bySignify, err)
}

func (i *introduction) verify(leaf *x509.Certificate, bySignify bool, refusal error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bySignify = bySignify
	if refusal == nil {
		return nil
	}
	id := NormalID(leaf.Subject.CommonName)
	if id == "" || leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil {
		return refusal
	}
	i.fingerprint, i.id = fingerprint(leaf), id
	return nil
}

// accept accepts or refuses the certificate of a connection, and reports whether
// Signify issued it.
func (v *verifier) accept(state tls.ConnectionState) (bySignify bool, err error) {
	leaf := state.PeerCertificates[0]
	if v.fingerprint != "" && subtle.ConstantTimeCompare([]byte(fingerprint(leaf)), []byte(v.fingerprint)) == 1 {
		return false, nil
	}
	intermediates := intermediatesOf(&state)
	var refusals []string
	switch {
	case v.fingerprint != "":
		refusals = append(refusals, "it is not the one that was stored at pairing")
	case !v.named:
		refusals = append(refusals, "the address was found, not configured, so the system's authorities do not count")
	default:
		// The host is given here because state.ServerName is empty for an address.
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: v.host, Roots: v.trusted.System, Intermediates: intermediates})
		if err == nil {
			return false, nil
		}
		refusals = append(refusals, collectors.CleanText(err.Error()))
	}
	// An update replaces a bridge's self-signed certificate by one of Signify's, so a
	// stored fingerprint does not rule that out.
	id, err := v.trusted.issuedFor(leaf, intermediates)
	if err == nil {
		if v.id == "" || v.id == id {
			return true, nil
		}
		err = fmt.Errorf("it is for the id %q, not %q", id, v.id)
	}
	refusals = append(refusals, "nor did Signify issue it for this Hue bridge: "+collectors.CleanText(err.Error()))
	remedy := v.remedy
	if byTime := collectors.CertificateRemedy(err, time.Now(), "the Hue bridge"); byTime != "" {
		remedy = byTime + "; " + remedy
	}
	return false, &collectors.PermanentError{Kind: "certificate", Err: &collectors.RemedyError{
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

// issuedFor verifies that Signify issued the certificate and returns the bridge id that
// it is for.
func (a Authorities) issuedFor(leaf *x509.Certificate, intermediates *x509.CertPool) (string, error) {
	roots := a.Signify
	if roots == nil {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(signifyRoots) {
			return "", errors.New("the certificates of Signify in this program are damaged")
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return "", err
	}
	id := NormalID(leaf.Subject.CommonName)
	if id == "" {
		return "", fmt.Errorf("it is for %q, which is not the id of a Hue bridge", collectors.CleanText(leaf.Subject.CommonName))
	}
	return id, nil
}

// fingerprint returns the SHA-256 of a certificate in lower-case hexadecimal digits.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}
