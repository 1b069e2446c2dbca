// Package sources is the registry of everything that the program can read. It has one entry
// per source with what the commands, check, the page and the alerts need to know about it, so
// that none of them switches on the name of a source.
package sources

import (
	"cmp"
	"slices"

	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

// All returns all sources with the settings of a configuration. find searches for a Hue bridge
// whose address has changed; with nil, its address is final.
func All(c *configs.Config, find pairing.FindFunc) []Source {
	return []Source{hueSource(c, find), amazonSource(c)}
}

// ByName returns the source of that name.
func ByName(all []Source, name string) (s Source, found bool) {
	i := slices.IndexFunc(all, func(s Source) bool { return s.Name == name })
	if i < 0 {
		return Source{}, false
	}
	return all[i], true
}

// Names returns the names of all sources, which are also the names of their sections.
func Names() (names []string) {
	for _, s := range All(new(configs.Config), nil) {
		names = append(names, s.Name)
	}
	return names
}

// TitleOf returns the name that users know a source by.
func TitleOf(name string) string {
	s, _ := ByName(All(new(configs.Config), nil), name)
	return cmp.Or(s.Title, name)
}
