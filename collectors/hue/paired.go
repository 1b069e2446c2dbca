package hue

import (
	"cmp"
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

// StateFile is the file of the state directory that holds what pairing gave.
const StateFile = "hue.json"

// maxStateFile bounds it, in bytes; a thousand Hue bridges make 300 kB.
const maxStateFile = 1 << 20

// pairing is what is known of a bridge since its button was pressed.
type pairing struct {
	ID string `json:"id"`
	// Host is where the bridge was last found: an address or host:port, which
	// means https, or a URL with http for a bridge that has nothing else.
	Host     string `json:"host"`
	Model    string `json:"model,omitempty"`
	Username string `json:"username"`
	// Fingerprint is the SHA-256 of the certificate of a bridge that signed its
	// own; empty where Signify did.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// pairings is the file.
type pairings struct {
	Bridges []pairing `json:"bridges"`
	// Encrypted lists the configured hosts that have had https. Those that were
	// paired are not among them: their entry has it.
	Encrypted []string `json:"encrypted,omitempty"`
}

// loadPairings returns the bridges of the file.
func loadPairings(stateDir string) ([]pairing, error) {
	all, err := loadState(stateDir)
	return all.Bridges, err
}

// loadState reads the file; one that is missing holds nothing. Its text gets
// into no error, since it holds keys.
func loadState(stateDir string) (all pairings, err error) {
	if stateDir == "" {
		return all, nil
	}
	file := filepath.Join(stateDir, StateFile)
	text, err := statefile.Read(file, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return pairings{}, nil
	}
	if err != nil {
		return pairings{}, fmt.Errorf("read what pairing stored: %w", err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return pairings{}, &collectors.RemedyError{
			Err: fmt.Errorf("%s is damaged", file), Remedy: "remove it and pair the Hue bridges again (hueair2mqtt hue pair)",
		}
	}
	for i := range all.Bridges {
		b := &all.Bridges[i]
		b.ID = normalID(b.ID)
		b.Fingerprint = strings.ToLower(strings.TrimSpace(b.Fingerprint))
		if _, err := parseHost(b.Host); err != nil || b.ID == "" {
			return pairings{}, &collectors.RemedyError{
				Err:    fmt.Errorf("%s: entry %d names no Hue bridge", file, i),
				Remedy: "remove it and pair that bridge again (hueair2mqtt hue pair)",
			}
		}
	}
	return all, nil
}

// storePairing writes one bridge's entry, in the place of an older one.
func storePairing(stateDir string, p pairing) error {
	all, err := loadState(stateDir)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all.Bridges, func(old pairing) bool { return old.ID == p.ID }); i >= 0 {
		all.Bridges[i] = p
	} else {
		all.Bridges = append(all.Bridges, p)
	}
	return storeState(stateDir, all)
}

// storeState writes the file.
func storeState(stateDir string, all pairings) error {
	all.Bridges = slices.Concat([]pairing{}, all.Bridges) // [] rather than null
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := statefile.Write(filepath.Join(stateDir, StateFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("store the Hue bridges: %w", err)
	}
	return nil
}

// Paired is a Hue bridge whose key is stored.
type Paired struct{ ID, Host, Model string }

// AllPaired returns the bridges that were paired.
func AllPaired(stateDir string) ([]Paired, error) {
	all, err := loadPairings(stateDir)
	paired := make([]Paired, len(all))
	for i, p := range all {
		paired[i] = Paired{ID: p.ID, Host: p.Host, Model: p.Model}
	}
	return paired, err
}

// Forget removes a paired bridge, its key included, from the state directory. The
// key stays valid on the bridge.
func Forget(stateDir, id string) error {
	state, err := loadState(stateDir)
	if err != nil {
		return err
	}
	all := state.Bridges
	state.Bridges = slices.DeleteFunc(slices.Clone(all), func(p pairing) bool { return p.ID == normalID(id) })
	if len(state.Bridges) < len(all) {
		return storeState(stateDir, state)
	}
	if len(all) == 0 {
		return errors.New("no Hue bridge is paired")
	}
	ids := make([]string, len(all))
	for i, p := range all {
		ids[i] = p.ID
	}
	return fmt.Errorf("no paired Hue bridge has the id %q; paired: %s", collectors.CleanText(id), strings.Join(ids, ", "))
}

// findPairing returns the entry of a bridge, by its id where that is known, else
// by its address.
func findPairing(all []pairing, id, host string) (pairing, bool) {
	for _, p := range all {
		if id != "" && p.ID == id || id == "" && sameHost(p.Host, host) {
			return p, true
		}
	}
	return pairing{}, false
}

// sameHost compares two addresses without their schemes.
func sameHost(a, b string) bool {
	ua, errA := parseHost(a)
	ub, errB := parseHost(b)
	return errA == nil && errB == nil && strings.EqualFold(ua.Hostname(), ub.Hostname()) && ua.Port() == ub.Port()
}

// isPlain says whether a stored host is of a bridge that has no https.
func isPlain(host string) bool { return strings.HasPrefix(host, "http://") }

// WithPaired adds the Hue bridges that were paired (see Pair) to those that are
// configured, except where both are the same one. What is added takes everything
// but its bridge from the template.
func WithPaired(configured []Options, template Options) ([]Options, error) {
	all, err := loadPairings(template.StateDir)
	if err != nil {
		return nil, err
	}
	options := slices.Clone(configured)
	for i, p := range all {
		known := slices.ContainsFunc(configured, func(o Options) bool {
			id := normalID(o.ID)
			return id == p.ID || id == "" && sameHost(o.Host, p.Host)
		})
		if known {
			continue
		}
		o := template
		o.Host, o.ID, o.Username = "", p.ID, ""
		o.Setting = cmp.Or(o.Setting, fmt.Sprintf("%s bridges[%d]", StateFile, i))
		options = append(options, o)
	}
	return options, nil
}
