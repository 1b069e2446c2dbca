package pairing

import (
	"fmt"
	"time"
)

// Target is one Hue bridge: where it is, and what it must prove.
type Target struct {
	// Setting is where the configuration names the bridge, such as "hue.bridges[0]", for
	// error texts.
	Setting string
	Timeout time.Duration // of one request, from dialing to the last byte
	Dial    DialFunc      // nil: net.Dialer's
	Trusted Authorities

	Host        string // address or host:port
	Named       bool   // the user named the host; it was not found
	Scheme      string // "http" and "https" are final; "" is not known yet
	ID          string // normalized; "" is not known yet
	Fingerprint string // of the bridge's self-signed certificate; "" if it has none
	Key         string // the secret that pairing returned; "" if there is none
}

// certificateRemedy returns what to do about a certificate that is refused.
func (t *Target) certificateRemedy() string {
	return fmt.Sprintf(`if the Hue bridge is an old one with a self-signed certificate, run "hueair2mqtt hue pair --host %s"; `+
		"if %s.id is set, it must be the Hue bridge's; or use http:// in %[2]s.host", t.Host, t.Setting)
}
