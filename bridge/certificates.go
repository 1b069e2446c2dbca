package bridge

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"hueair2mqtt/configs"
)

// maxCertificates bounds a file with certificates, keys or revocation lists, in
// bytes. Large authorities have lists of some megabytes.
const maxCertificates = 16 << 20

// readCertificates reads the authorities of a PEM file.
func readCertificates(file string) (*x509.CertPool, error) {
	pem, err := configs.ReadFile(file, maxCertificates)
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
	cert, err := configs.ReadFile(certFile, maxCertificates)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := configs.ReadFile(keyFile, maxCertificates)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
