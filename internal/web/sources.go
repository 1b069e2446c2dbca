package web

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

// sourceName returns the name of a source for people.
func sourceName(source string) string {
	switch source {
	case hue.Source:
		return "Philips Hue"
	case amazon.Source:
		return "Amazon"
	}
	return strings.ToUpper(source[:1]) + source[1:]
}

// sourceOf returns the state of a source, or the zero state if it is not polled.
func sourceOf(p bridge.Picture, source string) bridge.SourcePicture {
	for _, s := range p.Sources {
		if s.Source == source {
			return s
		}
	}
	return bridge.SourcePicture{}
}

func devicesOf(p bridge.Picture, source string) (devices []bridge.DevicePicture) {
	for _, d := range p.Devices {
		if d.Source == source {
			devices = append(devices, d)
		}
	}
	return devices
}

// storedAccess reads what pairing and signing in have stored. A file that can't be
// read is reported by the bridge, which needs it.
type storedAccess struct{ config *configs.Config }

func (s storedAccess) paired() []pairing.Pairing {
	state, err := pairing.Load(s.config.StateDir)
	if err != nil {
		return nil
	}
	return state.Bridges
}

func (s storedAccess) signedIn() bool {
	_, err := os.Stat(filepath.Join(s.config.StateDir, account.StateFile))
	return err == nil
}

// hueLines returns the lines that the configuration lacks to poll the paired bridges.
func (s storedAccess) hueLines() []string {
	if s.config.Hue.Enabled || len(s.paired()) == 0 {
		return nil
	}
	return []string{"hue:", "  enabled: true"}
}

// amazonLines returns the lines that the configuration lacks to poll the account.
func (s storedAccess) amazonLines() []string {
	if s.config.Amazon.Enabled || !s.signedIn() {
		return nil
	}
	return []string{"amazon:", "  enabled: true"}
}

// readOnce reads a source that has just been set up.
func readOnce(ctx context.Context, c collectors.Collector, retry *collectors.Retrier) (devices []bridge.DevicePicture, err error) {
	snapshot, err := c.Collect(ctx, retry)
	if err != nil {
		return nil, err
	}
	for _, d := range snapshot.Devices {
		devices = append(devices, bridge.DevicePicture{Device: d, Source: c.Source(), Reachable: true, Since: time.Now()})
	}
	return devices, nil
}
