package configs

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[Secret]()
)

// setting is one key of a section, as the fields of the types above tell it.
type setting struct {
	name  string
	usage string
	typ   reflect.Type
}

// settings lists the keys of a section's type.
func settings(section reflect.Type) []setting {
	var all []setting
	for i := range section.NumField() {
		field := section.Field(i)
		if name := field.Tag.Get("koanf"); name != "-" {
			all = append(all, setting{name: name, usage: field.Tag.Get("usage"), typ: field.Type})
		}
	}
	return all
}

// find gives the key of that name.
func find(section reflect.Type, name string) (setting, bool) {
	all := settings(section)
	i := slices.IndexFunc(all, func(s setting) bool { return s.name == name })
	if i < 0 {
		return setting{}, false
	}
	return all[i], true
}

// leaves visits every key below section that is no section itself. Its path is
// relative to section. What is inside a list is not visited.
func leaves(section reflect.Type, visit func(path string, s setting)) {
	for _, s := range settings(section) {
		if s.typ.Kind() != reflect.Struct {
			visit(s.name, s)
			continue
		}
		leaves(s.typ, func(path string, leaf setting) { visit(member(s.name, path), leaf) })
	}
}

// resembling finds the key that was probably meant by a name that is none: one
// of the section's with at most two slips of the pen, or else a key of that
// very name in another section. It is empty if there is none.
func resembling(section reflect.Type, path, name string) string {
	plain := strings.NewReplacer("_", "", "-", "", " ", "")
	wanted := strings.ToLower(plain.Replace(name))
	best, distance := "", min(3, len(wanted)/2+1)
	for _, s := range settings(section) {
		if d := editDistance(wanted, plain.Replace(s.name)); d < distance {
			best, distance = member(path, s.name), d
		}
	}
	if best != "" {
		return best
	}
	leaves(reflect.TypeFor[Config](), func(path string, s setting) {
		if best == "" && plain.Replace(s.name) == wanted {
			best = path
		}
	})
	return best
}

// editDistance counts the letters to insert, delete or change on the way from a
// to b (Levenshtein), and two neighbours that swapped places as one.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			if i == 0 || j == 0 {
				rows[i][j] = i + j
				continue
			}
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
