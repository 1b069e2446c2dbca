package hue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hueair2mqtt/collectors"
)

// roundBridge is the model of the first generation, which never got https.
const roundBridge = "BSB001"

// firstMinorWithTLS is the first minor version of CLIP v1 that came with https:
// hb-hue-tools, the client of homebridge-hue, uses https from 1.24.0 on.
const firstMinorWithTLS = 24

// predatesTLS reports whether a bridge is too old for https, by what it tells
// anybody. One that does not say its version is not.
func (c config) predatesTLS() bool {
	if c.ModelID == roundBridge {
		return true
	}
	parts := strings.Split(c.APIVersion, ".")
	if len(parts) < 2 || parts[0] != "1" {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && minor >= 0 && minor < firstMinorWithTLS
}

// plainConfig asks a bridge that gave no answer over https who it is, and accepts
// the answer if the bridge is too old for https. Anybody in the network can cut a
// TLS connection, and would get the key otherwise. It returns failure, the error of
// https, with a remedy if the bridge must have https: because its id is known, or
// because it is new enough.
func (c *Collector) plainConfig(ctx context.Context, failure error) (got config, err error) {
	refusal := &collectors.RemedyError{Err: failure, Remedy: fmt.Sprintf(
		"the key is not sent without https; if the Hue bridge is an old one that has none, give http://%s as its address", c.host)}
	if c.id != "" {
		return got, refusal
	}
	l := c.newLink("http")
	if got, err = c.config(ctx, l); err != nil {
		return got, failure
	}
	if err := c.recognise(got, l); err != nil {
		return got, err
	}
	if !got.predatesTLS() {
		return got, refusal
	}
	return got, nil
}

// isEncrypted reports whether a configured host has had https.
func (all pairings) isEncrypted(host string) bool {
	return slices.ContainsFunc(all.Encrypted, func(other string) bool { return sameHost(host, other) })
}

// storeEncrypted records in the state directory that a configured host has https.
func storeEncrypted(stateDir, host string) error {
	if stateDir == "" {
		return nil
	}
	all, err := loadState(stateDir)
	if err != nil || all.isEncrypted(host) {
		return err
	}
	all.Encrypted = append(all.Encrypted, host)
	return storeState(stateDir, all)
}
