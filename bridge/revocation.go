package bridge

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
)

// revocationError is a certificate of the broker's that is refused for what a
// revocation list says, or for want of one.
type revocationError struct{ text string }

func (e *revocationError) Error() string { return e.text }

// revocation refuses certificates that the lists of a file (CRLs, RFC 5280, 5) say
// are revoked. Go asks no authority on its own, and one at home has nobody to ask.
// The file is read for every connection, so that a new list counts without a
// restart.
type revocation struct{ file string }

// verify is a tls.Config's VerifyConnection; it comes after Go has found the chains
// of certificates good. One chain without a revoked certificate is enough.
func (r revocation) verify(state tls.ConnectionState) error {
	lists, err := readRevocationLists(r.file)
	if err != nil {
		return &revocationError{"mqtt.crl_file: " + err.Error()}
	}
	for _, chain := range state.VerifiedChains {
		if err = r.check(chain, lists); err == nil {
			return nil
		}
	}
	return err
}

// check looks at the certificates of a chain but its root, which nobody revokes.
func (r revocation) check(chain []*x509.Certificate, lists []*x509.RevocationList) error {
	for i, certificate := range chain[:len(chain)-1] {
		found := false
		for _, list := range lists {
			if !bytes.Equal(list.RawIssuer, certificate.RawIssuer) || list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			found = true
			if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
				return &revocationError{fmt.Sprintf("the revocation list in %s has ended on %s: put a newer one of the same authority there",
					r.file, list.NextUpdate.Format(time.DateOnly))}
			}
			for _, entry := range list.RevokedCertificateEntries {
				if entry.SerialNumber.Cmp(certificate.SerialNumber) == 0 {
					return &revocationError{fmt.Sprintf("the broker's certificate (%s) was revoked by its authority on %s: give the broker a new one",
						collectors.CleanText(certificate.Subject.String()), entry.RevocationTime.Format(time.DateOnly))}
				}
			}
		}
		if !found && i == 0 {
			return &revocationError{fmt.Sprintf("%s has no list of the authority that signed the broker's certificate (%s): add it, or remove mqtt.crl_file",
				r.file, collectors.CleanText(certificate.Issuer.String()))}
		}
	}
	return nil
}

// readRevocationLists reads the lists of a PEM file.
func readRevocationLists(file string) (lists []*x509.RevocationList, err error) {
	rest, err := configs.ReadFile(file, maxCertificates)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil, errors.New(file + " holds no revocation list in PEM form (X509 CRL)")
	}
	return lists, nil
}
