package hue

import (
	"crypto/x509"
	"net/http"
)

// SetTransport has answers made without a connection.
func (c *Collector) SetTransport(t http.RoundTripper) { c.transport = t }

// SetRoots replaces the authorities that the system and the program trust.
func (c *Collector) SetRoots(system, signify *x509.CertPool) {
	c.tls.system, c.tls.signify = system, signify
}

// SignifyRoot is the certificate that the program carries, as PEM.
var SignifyRoot = signifyRoot

// Bounds of an answer.
const (
	MaxBody    = maxBody
	MaxEntry   = maxEntry
	MaxEntries = maxEntries
	MaxFaults  = maxFaults
)
