package hue

import (
	"fmt"
	"path/filepath"

	"hueair2mqtt/collectors"
)

// checkKnown returns an error if pairing would replace what is known of this
// bridge's identity by something weaker or different. That a bridge which signed
// its own certificate now has one of Signify's is neither.
func (n *Newcomer) checkKnown() error {
	all, err := loadPairings(n.c.stateDir)
	if err != nil {
		return err
	}
	old, known := findPairing(all, n.ID, "")
	if !known || isPlain(old.Host) {
		return nil
	}
	var now string
	switch {
	case !n.Encrypted:
		now = "it had https when it was paired, and what answers now has none"
	case n.Fingerprint != "" && old.Fingerprint == "":
		now = "it had a certificate of Signify's when it was paired, and what answers now has one of its own"
	case n.Fingerprint != old.Fingerprint && n.witness != bySignify:
		now = "it had another certificate when it was paired"
	default:
		return nil
	}
	return &collectors.PermanentError{Kind: "certificate", Err: &collectors.RemedyError{
		Err: fmt.Errorf("the Hue bridge %s is paired already: %s", n.ID, now),
		Remedy: fmt.Sprintf(`somebody may imitate it; if you know why it changed, run "hueair2mqtt hue forget %s", which removes its entry from %s, and pair again`,
			n.ID, filepath.Join(n.c.stateDir, StateFile)),
	}}
}
