package bridge

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"hueair2mqtt/internal/regularfile"
)

// maxCertificates bounds a file with certificates, keys or revocation lists, in
// bytes. Large authorities have lists of some megabytes.
const maxCertificates = 16 << 20

// readCertificates reads the authorities of a PEM file.
func readCertificates(file string) (*x509.CertPool, error) {
	pem, err := regularfile.Read(file, maxCertificates)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// readKeyPair reads a certificate and its key from two PEM files.
func readKeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := regularfile.Read(certFile, maxCertificates)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := regularfile.Read(keyFile, maxCertificates)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
