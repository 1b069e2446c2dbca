// Package harness is what the tests of several packages share: a home (a Hue bridge,
// an Amazon account and Mosquitto), the program that reads it, a mail server,
// reserved ports, certificates and Linux namespaces. It imports the test servers and
// none of the product.
package harness
