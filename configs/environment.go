package configs

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// prefix heads the name of every environment variable of the program.
const prefix = "HUEAIR2MQTT_"

// ignored says that a variable has the prefix but is no key: the default of
// --config, and what the program's tests are told.
func ignored(name string) bool {
	return name == prefix+"CONFIG" || strings.HasPrefix(name, prefix+"TEST_")
}

// variable is an environment variable with its place in the configuration.
type variable struct {
	name string
	// path is the key as faults show it, and keys the same in parts.
	path string
	keys []string
	// list says that keys lead to a list, not to areas; it counts only with inside.
	list bool
	// inside is what follows the key of a list or of areas: the index and key of
	// an entry's field, or a device's id.
	inside []string
	typ    reflect.Type // of what is named, inside included
	value  any
}

// locate finds what a variable is the value of.
func locate(name string) (variable, bool) {
	v := variable{name: name, typ: reflect.TypeFor[Config]()}
	steps := strings.Split(strings.TrimPrefix(name, prefix), "__")
	for i, step := range steps {
		within := v.typ.Kind() != reflect.Struct || len(v.inside) > 0
		switch v.typ.Kind() {
		case reflect.Struct:
			s, ok := find(v.typ, strings.ToLower(step))
			if !ok || step != strings.ToUpper(step) {
				return v, false
			}
			v.typ, v.path, step = s.typ, member(v.path, s.name), s.name
		case reflect.Slice:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || strconv.Itoa(index) != step {
				return v, false
			}
			v.typ, v.path, v.list = v.typ.Elem(), element(v.path, index), true
		case reflect.Map:
			// A device's id may hold the separator itself.
			id := strings.TrimSpace(strings.Join(steps[i:], "__"))
			v.typ, v.path, v.inside = v.typ.Elem(), entry(v.path, id), append(v.inside, id)
			return v, id != ""
		default:
			return v, false
		}
		if within {
			v.inside = append(v.inside, step)
		} else {
			v.keys = append(v.keys, step)
		}
	}
	return v, v.typ.Kind() != reflect.Struct
}

// variableName is the environment variable of a key.
func variableName(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "__"))
}

// readEnvironment takes the program's variables out of environ ("NAME=value",
// the last of a name counts) and reports those that name no key or don't fit
// theirs. What is inside a list or areas comes after the whole, by index.
func readEnvironment(f *faults, environ []string) []variable {
	texts := map[string]string{}
	for _, pair := range environ {
		if name, text, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, prefix) && !ignored(name) {
			texts[name] = text
		}
	}
	var found []variable
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		v, ok := locate(name)
		if !ok {
			f.add(name, "is no known setting", meant(name), name)
			continue
		}
		r := reader{faults: f, origin: func(int) string { return name }}
		f.replaced(v.path, name)
		if v.value = r.environment(texts[name], v.typ, v.path); v.value != nil {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b variable) int {
		return cmp.Or(cmp.Compare(len(a.inside), len(b.inside)), compareInside(a, b), cmp.Compare(a.name, b.name))
	})
	return found
}

// compareInside puts entry 2 of a list before entry 10.
func compareInside(a, b variable) int {
	if len(a.inside) == 0 || len(b.inside) == 0 {
		return 0
	}
	return cmp.Compare(len(a.inside[0]), len(b.inside[0]))
}

// environment reads the text of a variable: lists and areas are YAML, a list of
// texts may also be separated by commas.
func (r reader) environment(text string, t reflect.Type, path string) any {
	n := &yaml.Node{}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String && !strings.HasPrefix(strings.TrimSpace(text), "["):
		values := []any{}
		for _, part := range strings.Split(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				values = append(values, r.text(n, part, t.Elem(), path))
			}
		}
		return values
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		root, problem := parse([]byte(text))
		switch {
		case problem != nil:
			r.fault(n, path, problem.problem, problem.remedy)
			return nil
		case root == nil:
			r.fault(n, path, "is empty", "write a value in YAML, or remove the variable")
			return nil
		}
		return r.value(root, t, path)
	default:
		return r.text(n, text, t, path)
	}
}

// meant suggests what to do about a variable that names no key.
func meant(name string) string {
	best, distance := "", 4
	leaves(reflect.TypeFor[Config](), func(path string, s setting) {
		known := variableName(path)
		wanted := strings.ToUpper(name)
		// Inside a list the rest of the name can't be compared.
		if s.typ.Kind() == reflect.Slice && strings.HasPrefix(wanted, known+"__") {
			known += "__0"
			if s.typ.Elem().Kind() == reflect.Struct {
				known += "__" + strings.ToUpper(settings(s.typ.Elem())[0].name)
			}
			best, distance = known, 0
			return
		}
		if len(wanted) > 2*len(known) {
			return
		}
		if d := editDistance(wanted, known); d < distance {
			best, distance = known, d
		}
	})
	switch {
	case best == "":
		return "remove it, or name a key in capitals with two underscores between the levels, such as " + variableName("mqtt.broker")
	case distance == 0:
		return "name the key " + best
	default:
		return "did you mean " + best + "?"
	}
}
