package pairing

import (
	"fmt"
	"time"
)

// Target is one Hue bridge: where it is, and what it must prove.
type Target struct {
	// Setting is where the user gave the host, such as "hue.bridges[0].host", and IDSetting
	// where the id; "" if that cannot be given. Error texts name them.
	Setting, IDSetting string
	Timeout            time.Duration // of one request, from dialing to the last byte
	Dial               DialFunc      // nil: net.Dialer's
	Trusted            Authorities

	Host        string // address or host:port
	Named       bool   // the user named the host; it was not found
	Scheme      string // "http" and "https" are final; "" is not known yet
	ID          string // normalized; "" is not known yet
	Fingerprint string // of the bridge's self-signed certificate; "" if it has none
	Key         string // the secret that pairing returned; "" if there is none
}

// certificateRemedy returns what to do about a certificate that is refused.
func (t *Target) certificateRemedy() string {
	remedy := fmt.Sprintf(`if the Hue bridge is an old one with a self-signed certificate, run "hueair2mqtt hue pair --host %s"; `, t.Host)
	if t.IDSetting != "" {
		remedy += fmt.Sprintf("if %s is set, it must be the Hue bridge's; ", t.IDSetting)
	}
	return remedy + "or use http:// in " + t.Setting
}
