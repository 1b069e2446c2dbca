package configs

import (
	"fmt"
	"reflect"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// AddFlags defines a flag for every key with a single value, named by its path:
// --mqtt.broker, --log.level. Secrets have no flag, because every user of the
// machine can see the arguments of a program.
func AddFlags(fs *pflag.FlagSet) {
	leaves(reflect.ValueOf(defaults()), "", func(path string, s setting, byDefault reflect.Value) {
		if s.typ == secretType || s.typ.Kind() == reflect.Slice || s.typ.Kind() == reflect.Map {
			return
		}
		value := &flagValue{typ: s.typ}
		if !byDefault.IsZero() {
			value.text = fmt.Sprint(byDefault)
		}
		flag := fs.VarPF(value, path, "", s.usage)
		if s.typ.Kind() == reflect.Bool {
			flag.NoOptDefVal = "true"
		}
	})
}

// flagValue stores the text of a flag. Load converts it, so that it can report
// mistakes in flags together with all others.
type flagValue struct {
	text string
	typ  reflect.Type
}

func (v *flagValue) String() string { return v.text }

func (v *flagValue) Set(text string) error {
	v.text = text
	return nil
}

// Type returns the word for the value in the usage text.
func (v *flagValue) Type() string {
	switch v.typ {
	case nil: // pflag asks a zero value for its String
		return ""
	case durationType:
		return "duration"
	default:
		return v.typ.Kind().String()
	}
}

// flagValues returns the values of the flags of AddFlags that were given, by path.
func flagValues(f *faults, fs *pflag.FlagSet) map[string]any {
	values := map[string]any{}
	fs.Visit(func(flag *pflag.Flag) {
		v, ours := flag.Value.(*flagValue)
		if !ours {
			return
		}
		origin := "--" + flag.Name
		f.origins[flag.Name] = origin
		r := reader{faults: f, origin: func(int) string { return origin }}
		if value := r.text(&yaml.Node{}, v.text, v.typ, flag.Name); value != nil {
			values[flag.Name] = value
		}
	})
	return values
}
