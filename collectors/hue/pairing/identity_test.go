package pairing_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/pairing"
)

// The fingerprints and the subjects are facts about Signify's certificates.
func TestSignifyRoots(t *testing.T) {
	want := map[string]string{
		"CN=root-bridge,O=Philips Hue,C=NL":    "f0bd8e6509e82f774d63bc009d5388c969fe3dcf7d6d541d6351b72b898d8acf",
		"CN=Hue Root CA 01,O=Signify Hue,C=NL": "d8b89448b2af8e1676185ac07219ee9dcbc8f01c122a026a2a4b7b5cfe0328b8",
	}
	block, rest := pem.Decode(pairing.SignifyRoots)
	for ; block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		subject := cert.Subject.String()
		if err := cert.CheckSignatureFrom(cert); err != nil || !cert.IsCA {
			t.Errorf("%s: %v", subject, err)
		}
		sum := sha256.Sum256(cert.Raw)
		if got := hex.EncodeToString(sum[:]); got != want[subject] {
			t.Errorf("%s: fingerprint %s, want %q", subject, got, want[subject])
		}
		delete(want, subject)
	}
	if len(want) != 0 || len(strings.TrimSpace(string(rest))) != 0 {
		t.Errorf("not there: %v; rest %q", want, rest)
	}
}
