package huetest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// linkButtonTime is how long the link button counts as pressed.
const linkButtonTime = 30 * time.Second

// maxDeviceType is how long the name of an application may be, in bytes: 20 for
// the application, the #, 19 for the device.
const maxDeviceType = 40

// PressLinkButton lets applications pair for 30 s.
func (b *Bridge) PressLinkButton() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pressed = time.Now()
}

func (b *Bridge) linkButtonIsOn() bool {
	return !b.pressed.IsZero() && time.Since(b.pressed) < linkButtonTime
}

// pair answers POST /api: first whether the link button is pressed, then what is
// wrong with the body.
func (b *Bridge) pair(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return // the client went away
	}
	b.mu.Lock()
	on := b.linkButtonIsOn()
	b.mu.Unlock()
	if !on {
		writeV1Error(w, 101, "/", "link button not pressed")
		return
	}
	b.mu.Lock()
	model := b.model
	b.mu.Unlock()
	deviceType, clientKey, fault := parsePairing(body, model)
	if fault != nil {
		writeV1Error(w, fault.number, fault.address, fault.description)
		return
	}
	success := object{"username": newUsername()}
	if clientKey {
		success["clientkey"] = strings.ToUpper(hex.EncodeToString(random(16)))
	}
	b.mu.Lock()
	b.keys[success["username"].(string)] = &appKey{deviceType: deviceType, created: stamp()}
	b.mu.Unlock()
	writeV1(w, []object{{"success": success}})
}

type v1Fault struct {
	number               int
	address, description string
}

// parsePairing reads what an application asks for. The first bridge has no client
// keys; a Bridge Pro gives no key without one.
func parsePairing(body []byte, model string) (deviceType string, clientKey bool, fault *v1Fault) {
	var parameters map[string]any
	if err := json.Unmarshal(body, &parameters); err != nil {
		return "", false, &v1Fault{2, "/", "body contains invalid json"}
	}
	invalid := func(name string, value any) *v1Fault {
		return &v1Fault{7, "/" + name, fmt.Sprintf("invalid value, %v, for parameter, %s", value, name)}
	}
	for name, value := range parameters {
		var ok bool
		if name == "generateclientkey" && model == firstModel {
			return "", false, notAvailable(name)
		}
		switch name {
		case "devicetype":
			deviceType, ok = value.(string)
			ok = ok && deviceType != "" && len(deviceType) <= maxDeviceType
		case "generateclientkey":
			clientKey, ok = value.(bool)
		default:
			return "", false, notAvailable(name)
		}
		if !ok {
			return "", false, invalid(name, value)
		}
	}
	if deviceType == "" || !clientKey && model == "BSB003" {
		return "", false, &v1Fault{5, "/", "invalid/missing parameters in body"}
	}
	return deviceType, clientKey, nil
}

func notAvailable(name string) *v1Fault {
	return &v1Fault{6, "/" + name, fmt.Sprintf("parameter, %s, not available", name)}
}

// newUsername is a new key: 40 letters, digits and hyphens.
func newUsername() string {
	return strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(random(30)), "_", "-")
}
