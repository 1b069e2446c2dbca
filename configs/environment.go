package configs

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// prefix begins the name of every environment variable of the program.
const prefix = "HUEAIR2MQTT_"

// environmentValues returns the values of the variables in environ by path. It
// reports variables that name no key or do not fit theirs. Of two variables of one
// name the last counts.
func environmentValues(f *faults, environ []string) map[string]any {
	texts := map[string]string{}
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		// CONFIG is the default of --config, TEST_ is for the program's tests.
		if key, ok := strings.CutPrefix(name, prefix); ok && key != "CONFIG" && !strings.HasPrefix(key, "TEST_") {
			texts[name] = text
		}
	}
	known := map[string]setting{}
	leaves(reflect.ValueOf(Config{}), "", func(path string, s setting, _ reflect.Value) {
		s.name = path
		known[variableName(path)] = s
	})
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		s, ok := known[name]
		if !ok {
			f.add(name, "is not a known setting", unknownRemedy(name, known), name)
			continue
		}
		r := reader{faults: f, origin: func(int) string { return name }}
		f.origins[s.name] = name
		if v := r.variable(texts[name], s.typ, s.name); v != nil {
			values[s.name] = v
		}
	}
	return values
}

// variableName returns the environment variable of a key.
func variableName(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "__"))
}

// unknownRemedy explains what to do about an unknown variable.
func unknownRemedy(name string, known map[string]setting) string {
	for whole, s := range known {
		if !strings.HasPrefix(name, whole+"__") {
			continue
		}
		switch {
		case s.typ == reflect.TypeFor[[]HueBridge]():
			return "set the whole list as " + whole + "='[{host: 192.168.1.2, username: key}]'"
		case s.typ.Kind() == reflect.Slice:
			return "set the whole list as " + whole + "='[one, two]'"
		case s.typ.Kind() == reflect.Map:
			return "set all rooms as " + whole + `='{"id": Room}'`
		}
	}
	return "remove it, or write a key in capitals with two underscores between the levels, such as " + variableName("mqtt.broker")
}

// variable converts the text of a variable. Lists and areas are YAML. A list of
// texts may also be separated by commas.
func (r reader) variable(text string, t reflect.Type, path string) any {
	n := &yaml.Node{}
	switch {
	case t.Kind() != reflect.Slice && t.Kind() != reflect.Map:
		return r.text(n, text, t, path)
	case t == reflect.TypeFor[[]string]() && !strings.HasPrefix(strings.TrimSpace(text), "["):
		values := []any{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				r.faults.origins[element(path, len(values))] = r.origin(0)
				values = append(values, r.text(n, part, t.Elem(), path))
			}
		}
		return values
	}
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
}
