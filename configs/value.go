package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// reader turns YAML into values of the types that the keys have, and reports
// what doesn't fit. Sections become map[string]any, lists []any, and areas
// map[string]string; koanf replaces the latter two whole, and never takes a dot
// in the id of a device for one between two keys.
type reader struct {
	faults *faults
	// origin tells where a line is.
	origin func(line int) string
}

// fault reports what is wrong at a node.
func (r reader) fault(n *yaml.Node, path, problem, remedy string) {
	r.faults.add(path, problem, remedy, r.origin(n.Line))
}

// value reads a node as t. It is nil if nothing usable is there; null is the
// same as no key at all.
func (r reader) value(n *yaml.Node, t reflect.Type, path string) any {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.ShortTag() == "!!null" {
		// An anchor or a tag with nothing behind it is text that was not quoted.
		if n.Anchor != "" {
			r.fault(n, path, "a value that begins with & is a YAML anchor", "put it in quotes")
		}
		return nil
	}
	if path != "" {
		r.faults.origins[path] = r.origin(n.Line)
	}
	switch {
	case t.Kind() == reflect.Struct:
		return r.section(n, t, path)
	case t.Kind() == reflect.Slice:
		return r.list(n, t, path)
	case t.Kind() == reflect.Map:
		return r.areas(n, path)
	default:
		return r.scalar(n, t, path)
	}
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs lists what a mapping holds and reports what is in it twice. name gives
// the text by which two keys are the same.
func (r reader) pairs(n *yaml.Node, path string, name func(key string) string, at func(path, key string) string) []pair {
	var (
		all  []pair
		seen = map[string]int{}
	)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			r.fault(key, path, "a key here is a list or a section", "write each key as one word and a colon")
			continue
		}
		if line, twice := seen[name(key.Value)]; twice {
			r.fault(key, at(path, strings.TrimSpace(key.Value)), fmt.Sprintf("is there twice, first in line %d", line), "keep one of the two")
			continue
		}
		seen[name(key.Value)] = key.Line
		all = append(all, pair{key, value})
	}
	return all
}

func (r reader) section(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.MappingNode {
		if path == "" {
			r.fault(n, path, "the configuration is "+kindOf(n)+", not keys with values",
				"write sections such as mqtt: with their keys indented below")
		} else {
			r.fault(n, path, "is "+kindOf(n)+", not a section", "write its keys below it, indented, as "+settings(t)[0].name+": value")
		}
		return nil
	}
	values := map[string]any{}
	for _, p := range r.pairs(n, path, func(key string) string { return key }, member) {
		name := p.key.Value
		s, ok := find(t, name)
		if !ok {
			r.unknown(p.key, t, path)
			continue
		}
		if v := r.value(p.value, s.typ, member(path, name)); v != nil {
			values[name] = v
		}
	}
	return values
}

// unknown reports a key that the section doesn't have.
func (r reader) unknown(key *yaml.Node, section reflect.Type, path string) {
	shown := shownKey(key.Value)
	var remedy string
	switch like := resembling(section, path, shown); {
	case key.Value == "<<":
		remedy = "write the keys out; merging is not supported"
	case shown != key.Value:
		remedy = "write a key as one word, a colon and a space"
	case like != "":
		remedy = "did you mean " + like + "?"
	default:
		names := make([]string, 0, len(settings(section)))
		for _, s := range settings(section) {
			names = append(names, s.name)
		}
		remedy = "remove it, or use one of " + strings.Join(names, ", ")
	}
	if shown != "" {
		path = member(path, shown)
	}
	r.fault(key, path, "is no known key", remedy)
}

var keyPattern = regexp.MustCompile(`^[\w.:<-]{0,40}`)

// shownKey cuts a key down to what looks like one. A colon without a space
// behind it makes a value part of the key, and that value may be a secret.
func shownKey(key string) string {
	shown := keyPattern.FindString(key)
	if before, _, ok := strings.Cut(shown, ":"); ok {
		shown = before
	}
	return shown
}

func (r reader) list(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.SequenceNode {
		remedy := "write a list, each entry in a line of its own behind a dash"
		if t.Elem().Kind() == reflect.String {
			remedy = "write a list in brackets, such as [one, two]"
		}
		r.fault(n, path, "is "+kindOf(n)+", not a list", remedy)
		return nil
	}
	values := make([]any, 0, len(n.Content))
	for i, item := range n.Content {
		v := r.value(item, t.Elem(), element(path, i))
		// A faulty entry stays, empty, so that those behind it keep their index.
		switch {
		case v != nil:
		case t.Elem().Kind() == reflect.Struct:
			v = map[string]any{}
		default:
			v = ""
		}
		values = append(values, v)
	}
	return values
}

// areas reads rooms by the hardware id of a device.
func (r reader) areas(n *yaml.Node, path string) any {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "is "+kindOf(n)+", not a section", `write a line for each device: "id": Room`)
		return nil
	}
	same := func(key string) string { return strings.ToLower(strings.TrimSpace(key)) }
	areas := map[string]string{}
	for _, p := range r.pairs(n, path, same, entry) {
		key := strings.TrimSpace(p.key.Value)
		at := entry(path, key)
		r.faults.origins[at] = r.origin(p.key.Line)
		if v, ok := r.value(p.value, reflect.TypeFor[string](), at).(string); ok {
			areas[key] = v
		}
	}
	return areas
}

func (r reader) scalar(n *yaml.Node, t reflect.Type, path string) any {
	wanted, example := describe(t)
	if n.Kind != yaml.ScalarNode {
		r.fault(n, path, "is "+kindOf(n)+", not "+wanted, "write "+example)
		return nil
	}
	var (
		tag    = n.ShortTag()
		number = tag == "!!int" || tag == "!!float"
		quoted = n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	)
	switch {
	case tag == "!!str" && (t.Kind() == reflect.String || t == durationType):
		return r.text(n, n.Value, t, path)
	case number && t.Kind() == reflect.Float64, tag == "!!int" && t.Kind() == reflect.Int && t != durationType,
		// yes, no, on and off are text to YAML 1.2, but truths to people.
		t.Kind() == reflect.Bool && (tag == "!!bool" || tag == "!!str" && !quoted):
		return r.text(n, n.Value, t, path)
	case t.Kind() == reflect.String && tag != "!!str":
		remedy := "put it in quotes"
		if t != secretType && (number || tag == "!!bool" || tag == "!!timestamp") {
			remedy += fmt.Sprintf(": %q", n.Value)
		}
		r.fault(n, path, "is "+kindOf(n)+", not a text", remedy)
	case t == durationType && number:
		if seconds, err := strconv.Atoi(n.Value); err == nil && seconds > 0 {
			example = "a duration such as " + n.Value + "s"
		}
		r.fault(n, path, n.Value+" is a number", "write "+example)
	default:
		r.fault(n, path, "is "+kindOf(n)+", not "+wanted, "write "+example)
	}
	return nil
}

// text turns what a person wrote, in the file or elsewhere, into a value of a
// key's type.
func (r reader) text(n *yaml.Node, text string, t reflect.Type, path string) any {
	if strings.IndexFunc(text, unicode.IsControl) >= 0 && t == secretType {
		r.fault(n, path, "holds a line break or another control character", "write it in one line, in quotes")
		return nil
	}
	if t == secretType {
		return text
	}
	text = strings.TrimSpace(text)
	if strings.IndexFunc(text, unicode.IsControl) >= 0 {
		r.fault(n, path, "holds a line break or another control character", "write it in one line")
		return nil
	}
	var (
		value any
		err   error
	)
	switch {
	case t == durationType:
		value, err = time.ParseDuration(text)
	case t.Kind() == reflect.String:
		value = text
	case t.Kind() == reflect.Bool:
		value, err = parseBool(text)
	case t.Kind() == reflect.Int:
		value, err = strconv.Atoi(text)
	case t.Kind() == reflect.Float64:
		value, err = strconv.ParseFloat(text, 64)
	default:
		panic("configs: a key of type " + t.String())
	}
	if err != nil {
		wanted, example := describe(t)
		r.fault(n, path, quoted(text)+" is not "+wanted, "write "+example)
		return nil
	}
	return value
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "yes", "on":
		return true, nil
	case "no", "off":
		return false, nil
	}
	return strconv.ParseBool(strings.ToLower(text))
}

// describe says what a value of the type is, and gives an example.
func describe(t reflect.Type) (wanted, example string) {
	switch {
	case t == durationType:
		return "a duration", "a duration such as 30s, 5m or 1h30m"
	case t.Kind() == reflect.Bool:
		return "true or false", "true or false, without quotes"
	case t.Kind() == reflect.Int:
		return "a whole number", "a whole number such as 3"
	case t.Kind() == reflect.Float64:
		return "a number", "a number such as 1.5"
	default:
		return "a text", "a text behind the colon"
	}
}

// kindOf says in words what a node is, without its value.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	case "!!str":
		return "a text"
	default:
		return "a value with a YAML tag"
	}
}
