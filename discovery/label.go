package discovery

import (
	"slices"
	"strings"
)

// Label says how a key of a device's state is shown to people.
type Label struct {
	Name      string // "Temperature"
	Unit      string // "°C"; empty where there is none
	Precision int    // decimals
}

// LabelOf labels a key. Its order is that of the table of entities; a key that is
// none of them comes last.
func LabelOf(key string) (l Label, order int) {
	order = slices.IndexFunc(entities, func(e entity) bool { return e.key == key })
	if order < 0 {
		return Label{Name: words(key)}, len(entities)
	}
	e := entities[order]
	l = Label{Name: e.label, Unit: e.unit, Precision: e.precision}
	if l.Name == "" {
		l.Name = e.name
	}
	if l.Name == "" {
		l.Name = words(key)
	}
	return l, order
}

// words makes "Carbon monoxide" of "carbon_monoxide".
func words(key string) string {
	if key == "" {
		return ""
	}
	return strings.ReplaceAll(strings.ToUpper(key[:1])+key[1:], "_", " ")
}
