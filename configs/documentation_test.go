package configs_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"hueair2mqtt/configs"
)

// TestEveryKeyIsDocumented compares the tables of docs/configuration.md with the
// configuration: each key once, with its variable and its default.
func TestEveryKeyIsDocumented(t *testing.T) {
	document, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\| (?:`(.*?)`)? ?\\| `(HUEAIR2MQTT_[A-Z0-9_]+)` \\|")
	for _, cells := range row.FindAllStringSubmatch(string(document), -1) {
		key, value, variable := cells[1], cells[2], cells[3]
		if _, twice := defaults[key]; twice {
			t.Errorf("%s is documented twice", key)
		}
		defaults[key] = value
		if want := "HUEAIR2MQTT_" + strings.ToUpper(strings.ReplaceAll(key, ".", "__")); variable != want {
			t.Errorf("the variable of %s is %s, not %s", key, want, variable)
		}
	}

	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	configs.AddFlags(flags)
	var visit func(section reflect.Type, above string)
	visit = func(section reflect.Type, above string) {
		for i := range section.NumField() {
			field := section.Field(i)
			name := field.Tag.Get("koanf")
			if name == "-" {
				continue
			}
			key := above + name
			if field.Type.Kind() == reflect.Struct {
				visit(field.Type, key+".")
				continue
			}
			documented, ok := defaults[key]
			if !ok {
				t.Errorf("%s is not documented", key)
			}
			delete(defaults, key)
			if flag := flags.Lookup(key); flag != nil && !sameValue(documented, flag.DefValue) {
				t.Errorf("the default of %s is %q, not %q", key, flag.DefValue, documented)
			}
		}
	}
	visit(reflect.TypeFor[configs.Config](), "")
	for key := range defaults {
		t.Errorf("%s is documented and no key", key)
	}
}

// sameValue reports whether two texts are the same value, as 60s and 1m0s are.
func sameValue(a, b string) bool {
	first, err := time.ParseDuration(a)
	second, err2 := time.ParseDuration(b)
	return a == b || err == nil && err2 == nil && first == second || a == "false" && b == ""
}
