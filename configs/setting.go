package configs

import (
	"reflect"
	"time"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[Secret]()
)

// setting is one key of a section, as a struct field declares it.
type setting struct {
	name  string
	usage string
	typ   reflect.Type
	field int // index in the section
}

// settings lists the keys of a section's type.
func settings(section reflect.Type) []setting {
	var all []setting
	for i := range section.NumField() {
		field := section.Field(i)
		if name := field.Tag.Get("koanf"); name != "-" {
			all = append(all, setting{name, field.Tag.Get("usage"), field.Type, i})
		}
	}
	return all
}

// leaves visits every key below section that is not a section itself, with its
// path and value. It does not descend into lists.
func leaves(section reflect.Value, path string, visit func(path string, s setting, value reflect.Value)) {
	for _, s := range settings(section.Type()) {
		at, value := member(path, s.name), section.Field(s.field)
		if s.typ.Kind() == reflect.Struct {
			leaves(value, at, visit)
		} else {
			visit(at, s, value)
		}
	}
}
