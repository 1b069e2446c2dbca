package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
)

// SettingsError reports that the settings cannot be used.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }
func (e *SettingsError) Unwrap() error { return e.Err }

// tlsConfig returns the TLS configuration for a broker. Its error is a
// *SettingsError.
func tlsConfig(m configs.MQTT) (*tls.Config, error) {
	invalid := func(setting string, err error, remedy string) error {
		return &SettingsError{&collectors.RemedyError{Err: fmt.Errorf("%s: %w", setting, err), Remedy: remedy}}
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		roots, err := readCertificates(m.CAFile)
		if err != nil {
			return nil, invalid("mqtt.ca_file", err, "name a PEM file with the certificate of the authority")
		}
		c.RootCAs = roots
	}
	if m.CRLFile != "" {
		if _, err := readRevocationLists(m.CRLFile); err != nil {
			return nil, invalid("mqtt.crl_file", err, "name a PEM file with the revocation list of the authority")
		}
		c.VerifyConnection = revocation{m.CRLFile}.verify
	}
	if m.CertFile != "" {
		certificate, err := readKeyPair(m.CertFile, m.KeyFile)
		if err != nil {
			return nil, invalid("mqtt.cert_file and mqtt.key_file", err, "name the PEM files of a certificate and its key")
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	return c, nil
}

// readCertificates reads the authorities in a PEM file.
func readCertificates(file string) (*x509.CertPool, error) {
	pem, err := configs.ReadFile(file, maxPEMFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s contains no PEM certificate", file)
	}
	return pool, nil
}

// readKeyPair reads a certificate and its key from two PEM files.
func readKeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := configs.ReadFile(certFile, maxPEMFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := configs.ReadFile(keyFile, maxPEMFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
