package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// reader converts YAML to values of the keys' types, and reports what does not
// fit. Sections become map[string]any, lists []any and areas map[string]string,
// which koanf does not merge: a list or areas replaces the whole one.
type reader struct {
	faults *faults
	// origin names a line of the text.
	origin func(line int) string
}

// fault reports a mistake at a node.
func (r reader) fault(n *yaml.Node, path, problem, remedy string) {
	r.faults.add(path, problem, remedy, r.origin(n.Line))
}

// value converts a node to type t. It returns nil if the node is null or invalid.
func (r reader) value(n *yaml.Node, t reflect.Type, path string) any {
	n = resolve(n)
	if n.ShortTag() == "!!null" {
		if n.Anchor != "" {
			r.fault(n, path, "a value that begins with & is a YAML anchor", "put it in quotes")
		}
		return nil
	}
	if path != "" {
		r.faults.origins[path] = r.origin(n.Line)
	}
	switch t.Kind() {
	case reflect.Struct:
		return r.section(n, t, path)
	case reflect.Slice:
		return r.list(n, t, path)
	case reflect.Map:
		return r.areas(n, path)
	default:
		return r.scalar(n, t, path)
	}
}

// resolve follows YAML aliases.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func (r reader) section(n *yaml.Node, t reflect.Type, path string) any {
	all := settings(t)
	if n.Kind != yaml.MappingNode {
		if path == "" {
			r.fault(n, path, "is not a configuration",
				"write sections such as mqtt: with their keys indented below")
		} else {
			r.fault(n, path, "is not a section", "write its keys below it, indented, as "+all[0].name+": value")
		}
		return nil
	}
	values := map[string]any{}
	r.pairs(n, path, keyPath, func(key, value *yaml.Node) {
		i := slices.IndexFunc(all, func(s setting) bool { return s.name == key.Value })
		if i < 0 {
			r.unknown(key, all, path)
			return
		}
		if v := r.value(value, all[i].typ, member(path, key.Value)); v != nil {
			values[key.Value] = v
		}
	})
	return values
}

// pairs visits the entries of a mapping and reports keys that differ by case or space
// alone. at returns the path of a key.
func (r reader) pairs(n *yaml.Node, path string, at func(path, key string) string, visit func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			r.fault(key, path, "a key here is a list or a section", "write each key as one word and a colon")
			continue
		}
		name := strings.TrimSpace(key.Value)
		if line, twice := seen[strings.ToLower(name)]; twice {
			r.fault(key, at(path, name), fmt.Sprintf("is set twice, first in line %d", line), "keep one of the two")
			continue
		}
		seen[strings.ToLower(name)] = key.Line
		visit(key, n.Content[i+1])
	}
}

var keyPattern = regexp.MustCompile(`^[\w.<-]{0,40}`)

// keyPath returns the path of a key, with the part of it that looks like one. If the
// space after a colon is missing, the rest is a value, which may be a secret.
func keyPath(path, key string) string {
	shown := keyPattern.FindString(key)
	if shown == "" {
		return path
	}
	return member(path, shown)
}

// unknown reports a key that the section does not have.
func (r reader) unknown(key *yaml.Node, all []setting, path string) {
	var remedy string
	if keyPattern.FindString(key.Value) != key.Value {
		remedy = "write a key as one word, a colon and a space"
	} else {
		names := make([]string, 0, len(all))
		for _, s := range all {
			names = append(names, s.name)
		}
		remedy = "remove it, or use one of " + strings.Join(names, ", ")
	}
	r.fault(key, keyPath(path, key.Value), "is not a known key", remedy)
}

func (r reader) list(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.SequenceNode {
		remedy := "write a list, with each entry on its own line after a dash"
		if t.Elem().Kind() == reflect.String {
			remedy = "write a list in brackets, such as [one, two]"
		}
		r.fault(n, path, "is not a list", remedy)
		return nil
	}
	values := make([]any, 0, len(n.Content))
	for i, item := range n.Content {
		v := r.value(item, t.Elem(), element(path, i))
		if v == nil {
			v = reflect.Zero(t.Elem()).Interface() // keeps the index of the others
		}
		values = append(values, v)
	}
	return values
}

// areas reads rooms by hardware id.
func (r reader) areas(n *yaml.Node, path string) any {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "is not a section", `write a line for each device: "id": Room`)
		return nil
	}
	areas := map[string]string{}
	r.pairs(n, path, entry, func(key, value *yaml.Node) {
		id := strings.TrimSpace(key.Value)
		at := entry(path, id)
		r.faults.origins[at] = r.origin(key.Line)
		if room, ok := r.value(value, reflect.TypeFor[string](), at).(string); ok {
			areas[id] = room
		}
	})
	return areas
}

func (r reader) scalar(n *yaml.Node, t reflect.Type, path string) any {
	kind, tag := kindOf(t), n.ShortTag()
	quotes := yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	// yes, no, on and off are text in YAML 1.2.
	isBool := t.Kind() == reflect.Bool && tag == "!!str" && n.Style&quotes == 0
	if n.Kind == yaml.ScalarNode && (slices.Contains(kind.tags, tag) || isBool) {
		return r.text(n, n.Value, t, path)
	}
	remedy := "write " + kind.example
	seconds, err := strconv.Atoi(n.Value)
	switch {
	case n.Kind != yaml.ScalarNode:
	case t == secretType:
		remedy = "put it in quotes"
	case t.Kind() == reflect.String:
		remedy = fmt.Sprintf("put it in quotes: %q", n.Value)
	case t == durationType && err == nil && seconds > 0:
		remedy = "write a duration such as " + n.Value + "s"
	}
	r.fault(n, path, "is not "+kind.name, remedy)
	return nil
}

// text converts text from the file, a variable or a flag to a value of type t.
func (r reader) text(n *yaml.Node, text string, t reflect.Type, path string) any {
	if t != secretType {
		text = strings.TrimSpace(text)
	}
	if strings.IndexFunc(text, unicode.IsControl) >= 0 {
		r.fault(n, path, "contains a line break or another control character", "write it on one line, in quotes")
		return nil
	}
	kind := kindOf(t)
	value, err := kind.parse(text)
	if err != nil {
		r.fault(n, path, quoted(text)+" is not "+kind.name, "write "+kind.example)
		return nil
	}
	return value
}

// valueKind describes the keys of one type.
type valueKind struct {
	name, example string
	tags          []string // of YAML
	parse         func(text string) (any, error)
}

func kindOf(t reflect.Type) valueKind {
	switch {
	case t == durationType:
		return valueKind{"a duration", "a duration such as 30s, 5m or 1h30m", []string{"!!str"},
			func(text string) (any, error) { return time.ParseDuration(text) }}
	case t.Kind() == reflect.Bool:
		return valueKind{"true or false", "true or false, without quotes", []string{"!!bool"}, parseBool}
	case t.Kind() == reflect.Int:
		return valueKind{"a whole number", "a whole number such as 3", []string{"!!int"},
			func(text string) (any, error) { return strconv.Atoi(text) }}
	case t.Kind() == reflect.Float64:
		return valueKind{"a number", "a number such as 1.5", []string{"!!int", "!!float"},
			func(text string) (any, error) { return strconv.ParseFloat(text, 64) }}
	default:
		return valueKind{"a text", "a text after the colon", []string{"!!str"},
			func(text string) (any, error) { return text, nil }}
	}
}

func parseBool(text string) (any, error) {
	switch strings.ToLower(text) {
	case "yes", "on":
		return true, nil
	case "no", "off":
		return false, nil
	}
	return strconv.ParseBool(strings.ToLower(text))
}
