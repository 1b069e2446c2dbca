package configs

import (
	"fmt"
	"reflect"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// AddFlags defines a flag for every key that is one value and no secret, named
// by its path: --mqtt.broker, --log.level. Secrets have none: arguments are seen
// by every user of the machine.
func AddFlags(fs *pflag.FlagSet) {
	defaults := defaults()
	leaves(reflect.TypeFor[Config](), func(path string, s setting) {
		if !hasFlag(s.typ) {
			return
		}
		value := &flagValue{typ: s.typ}
		if d := lookUp(defaults, path); d != nil {
			value.text = fmt.Sprint(d)
		}
		flag := fs.VarPF(value, path, "", s.usage)
		if s.typ.Kind() == reflect.Bool {
			flag.NoOptDefVal = "true"
		}
	})
}

func hasFlag(t reflect.Type) bool {
	return t != secretType && t.Kind() != reflect.Slice && t.Kind() != reflect.Map
}

// flagValue keeps what was written, so that Load finds what is wrong with it
// together with everything else, and says it in the same words.
type flagValue struct {
	text string
	typ  reflect.Type
}

func (v *flagValue) String() string { return v.text }

func (v *flagValue) Set(text string) error {
	v.text = text
	return nil
}

// Type is the word for the value in the usage text.
func (v *flagValue) Type() string {
	switch {
	case v.typ == nil: // the zero value, of which pflag asks String alone
		return ""
	case v.typ == durationType:
		return "duration"
	default:
		return v.typ.Kind().String()
	}
}

// readFlag reads the value of a flag of AddFlags that was given; ok is false for
// every other flag.
func readFlag(f *faults, flag *pflag.Flag) (value any, ok bool) {
	v, ours := flag.Value.(*flagValue)
	if !ours || !flag.Changed {
		return nil, false
	}
	origin := "--" + flag.Name
	f.replaced(flag.Name, origin)
	r := reader{faults: f, origin: func(int) string { return origin }}
	value = r.text(&yaml.Node{}, v.text, v.typ, flag.Name)
	return value, value != nil
}
