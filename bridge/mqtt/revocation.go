package mqtt

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

// maxPEMFile is the maximum size of a file with certificates, keys or revocation
// lists, in bytes. Large authorities have lists of several megabytes.
const maxPEMFile = 16 << 20

// revocationError reports a certificate of the broker that the revocation lists do not
// clear.
type revocationError struct{ text string }

func (e *revocationError) Error() string { return e.text }

// revocation refuses certificates that are revoked by the lists in a file (CRLs, RFC
// 5280, 5). Go checks no revocation by itself. The file is read for every connection,
// so a new list takes effect without a restart.
type revocation struct{ file string }

// verify is a tls.Config.VerifyConnection, which runs after Go has verified the
// certificate chains. One chain without a revoked certificate is enough.
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

// check checks the certificates of a chain except its root.
func (r revocation) check(chain []*x509.Certificate, lists []*x509.RevocationList) error {
	for i, certificate := range chain[:len(chain)-1] {
		found := false
		for _, list := range lists {
			if !bytes.Equal(list.RawIssuer, certificate.RawIssuer) || list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			found = true
			if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
				return &revocationError{fmt.Sprintf("the revocation list in %s expired on %s: replace it with a newer one from the same authority",
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
			return &revocationError{fmt.Sprintf("%s has no list from the authority that signed the broker's certificate (%s): add it, or remove mqtt.crl_file",
				r.file, collectors.CleanText(certificate.Issuer.String()))}
		}
	}
	return nil
}

// readRevocationLists reads the lists in a PEM file.
func readRevocationLists(file string) (lists []*x509.RevocationList, err error) {
	rest, err := configs.ReadFile(file, maxPEMFile)
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
		return nil, errors.New(file + " contains no PEM revocation list (X509 CRL)")
	}
	return lists, nil
}
