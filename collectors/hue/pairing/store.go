package pairing

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/statefile"
)

// StateFile is the file in the state directory that holds the pairings.
const StateFile = "hue.json"

// maxStateFile is its max size in bytes; a thousand Hue bridges make 300 kB.
const maxStateFile = 1 << 20

// Pairing is the stored result of pairing with a bridge.
type Pairing struct {
	ID string `json:"id"`
	// Host is where the bridge was last found: an address or host:port, which means
	// https, or an http URL for a bridge without https.
	Host     string `json:"host"`
	Model    string `json:"model,omitempty"`
	Username string `json:"username"` // the key
	// Fingerprint is the SHA-256 of a self-signed certificate; empty for one by Signify.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// IsPlain reports whether the bridge has no https.
func (p Pairing) IsPlain() bool { return strings.HasPrefix(p.Host, "http://") }

// State is the content of StateFile.
type State struct {
	Bridges []Pairing `json:"bridges"`
	// Encrypted lists the configured hosts that have had https, apart from paired ones.
	Encrypted []string `json:"encrypted,omitempty"`
}

// Load reads the StateFile of a directory. It returns an empty State without a directory
// or a file. No error quotes the file, since it holds keys.
func Load(stateDir string) (State, error) {
	if stateDir == "" {
		return State{}, nil
	}
	file := filepath.Join(stateDir, StateFile)
	text, err := statefile.Read(file, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read the paired Hue bridges: %w", err)
	}
	var state State
	if err := json.Unmarshal(text, &state); err != nil {
		return State{}, &collectors.RemedyError{
			Err: fmt.Errorf("%s is damaged", file), Remedy: "remove it and pair the Hue bridges again (hueair2mqtt hue pair)",
		}
	}
	for i := range state.Bridges {
		b := &state.Bridges[i]
		b.ID = NormalID(b.ID)
		b.Fingerprint = strings.ToLower(strings.TrimSpace(b.Fingerprint))
		if _, err := ParseHost(b.Host); err != nil || b.ID == "" {
			return State{}, &collectors.RemedyError{
				Err:    fmt.Errorf("%s: entry %d names no Hue bridge", file, i),
				Remedy: "remove it and pair that bridge again (hueair2mqtt hue pair)",
			}
		}
	}
	return state, nil
}

// store writes StateFile.
func (s State) store(stateDir string) error {
	s.Bridges = slices.Concat([]Pairing{}, s.Bridges) // [] rather than null
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := statefile.Write(filepath.Join(stateDir, StateFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("store the paired Hue bridges: %w", err)
	}
	return nil
}

// Find returns the pairing of a bridge by its id, or by its host if id is empty.
func (s State) Find(id, host string) (Pairing, bool) {
	for _, p := range s.Bridges {
		if id != "" && p.ID == id || id == "" && SameHost(p.Host, host) {
			return p, true
		}
	}
	return Pairing{}, false
}

// IsEncrypted reports whether a configured host has had https.
func (s State) IsEncrypted(host string) bool {
	return slices.ContainsFunc(s.Encrypted, func(other string) bool { return SameHost(host, other) })
}

// StoreEncrypted records that a configured host has https.
func StoreEncrypted(stateDir, host string) error {
	if stateDir == "" {
		return nil
	}
	state, err := Load(stateDir)
	if err != nil || state.IsEncrypted(host) {
		return err
	}
	state.Encrypted = append(state.Encrypted, host)
	return state.store(stateDir)
}

// StoreHost records where a paired bridge is now. A bridge that is no longer paired stays
// so.
func StoreHost(stateDir, id, host string) error {
	state, err := Load(stateDir)
	if err != nil {
		return err
	}
	p, found := state.Find(id, "")
	if !found {
		return nil
	}
	p.Host = host
	return storePairing(stateDir, p)
}

// storePairing adds a pairing, or replaces that of the same bridge.
func storePairing(stateDir string, p Pairing) error {
	state, err := Load(stateDir)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(state.Bridges, func(old Pairing) bool { return old.ID == p.ID }); i >= 0 {
		state.Bridges[i] = p
	} else {
		state.Bridges = append(state.Bridges, p)
	}
	return state.store(stateDir)
}

// Forget removes the pairing of a bridge, and with it the key, from the state directory.
// The bridge continues to accept the key.
func Forget(stateDir, id string) error {
	state, err := Load(stateDir)
	if err != nil {
		return err
	}
	var ids []string
	for i, p := range state.Bridges {
		if p.ID == NormalID(id) {
			state.Bridges = slices.Delete(state.Bridges, i, i+1)
			return state.store(stateDir)
		}
		ids = append(ids, p.ID)
	}
	if len(ids) == 0 {
		return errors.New("no Hue bridge is paired")
	}
	return fmt.Errorf("no paired Hue bridge has the id %q; paired: %s", collectors.CleanText(id), strings.Join(ids, ", "))
}
