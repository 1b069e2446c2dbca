package configs

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Default is the commented default file, which the package installs. Apart from
// hue.button_events it has the defaults of an empty file.
//
//go:embed hueair2mqtt.yaml
var Default []byte

const (
	// AppOptions is the file to which the Supervisor writes the app's options.
	AppOptions = "/data/options.json"

	// supervisorToken is the variable with the token of App.
	supervisorToken = "SUPERVISOR_TOKEN"

	// ingressPort is the port of the page: the default of ingress_port in the
	// app's config.yaml.
	ingressPort = "8099"
)

// Load returns the configuration. Flags of fs that were given override variables
// of environ ("HUEAIR2MQTT_MQTT__BROKER=..."), which override file, which
// overrides the defaults. file may be empty, fs nil. Load also reads password
// files. If file is AppOptions, Load is LoadApp.
//
// With sections, such as "amazon" and "state_dir", mistakes in other sections are
// ignored, and these sections must not be used: a user can sign in to Amazon
// before the broker is set up.
//
// The error is a *FaultsError with all mistakes.
func Load(file string, environ []string, fs *pflag.FlagSet, sections ...string) (*Config, error) {
	if file == AppOptions {
		return LoadApp(file, environ, fs, sections...)
	}
	c, _, err := load(file, environ, fs, sections)
	return c, err
}

// LoadApp is Load for a Home Assistant app, whose options have the keys of the
// configuration file. Its page is always at the port of Ingress.
func LoadApp(options string, environ []string, fs *pflag.FlagSet, sections ...string) (*Config, error) {
	const remedy = "open the Configuration tab of this app in Home Assistant and save it, which rewrites the file"
	var token string
	for _, pair := range environ {
		if text, ok := strings.CutPrefix(pair, supervisorToken+"="); ok {
			token = text
		}
	}
	if token == "" {
		return nil, errors.New(supervisorToken + " is not set, although this is the image of the Home Assistant app: install it from Home Assistant's app store, or use the container image")
	}
	content, err := ReadFile(options, maxFileSize)
	if err != nil {
		return nil, fmt.Errorf("%s can't be read: %s: %s", options, reason(err), remedy)
	}
	if err := json.Unmarshal(content, &map[string]any{}); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w: %s", options, err, remedy)
	}
	c, f, err := load(options, environ, fs, sections)
	if err != nil {
		return nil, err
	}
	c.App = App{Token: Secret(token), AskBroker: f.origins["mqtt.broker"] == ""}
	if c.App.AskBroker {
		c.MQTT.Broker = "" // the default is wrong inside the app's container
	}
	c.Web = Web{Listen: ":" + ingressPort, TrustIngress: true}
	return c, nil
}

// load is Load for any file. The faults have the origins of the values.
func load(file string, environ []string, flags *pflag.FlagSet, sections []string) (*Config, *faults, error) {
	f, ko := newFaults(), koanf.New(".")
	values, readable := fileValues(f, file)
	overrides := environmentValues(f, environ)
	if flags != nil {
		maps.Copy(overrides, flagValues(f, flags))
	}
	c := defaults()
	err := errors.Join(ko.Load(confmap.Provider(values, ""), nil), ko.Load(confmap.Provider(overrides, "."), nil), ko.Unmarshal("", &c))
	if err != nil {
		return nil, nil, fmt.Errorf("combine the configuration: %w", err)
	}
	if readable {
		c.findCredentials(func(name string) string { return credentialPath(file, environ, name) })
		if len(sections) == 0 {
			c.validateSources(f)
		}
		c.validate(f)
	}
	if list := f.in(sections); len(list) > 0 {
		return nil, nil, &FaultsError{File: file, Faults: list}
	}
	return &c, f, nil
}

// maxFileSize bounds the configuration file, in bytes.
const maxFileSize = 1 << 20

// fileValues returns the values in the configuration file. It reports false if
// the file cannot be parsed.
func fileValues(f *faults, file string) (values map[string]any, ok bool) {
	if file == "" {
		return nil, true
	}
	data, err := ReadFile(file, maxFileSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.add("", "does not exist", "name the configuration with --config FILE, or copy the default one there", "")
		return nil, false
	case errors.Is(err, fs.ErrPermission):
		f.add("", "this user may not read the file", "run the program as its own user or as root, or fix the file's mode", "")
		return nil, false
	case errors.Is(err, ErrTooLarge):
		f.add("", "is larger than 1 MiB, so it is not a configuration", "name the configuration with --config FILE", "")
		return nil, false
	case err != nil:
		f.add("", "can't be read: "+reason(err), "name the configuration with --config FILE", "")
		return nil, false
	}
	r := reader{faults: f, origin: func(line int) string { return fmt.Sprintf("line %d of %s", line, file) }}
	root, problem := parse(data)
	if problem != nil {
		f.add("", problem.problem, problem.remedy, r.origin(problem.line))
		return nil, false
	}
	if root == nil {
		return nil, true
	}
	values, _ = r.value(root, reflect.TypeFor[Config](), "").(map[string]any)
	return values, !f.faulty[""]
}

// in returns the faults in the sections, or all of them without sections. Unknown
// sections and the file itself always count.
func (f *faults) in(sections []string) []Fault {
	var ignored []string
	for _, s := range settings(reflect.TypeFor[Config]()) {
		if len(sections) > 0 && !slices.Contains(sections, s.name) {
			ignored = append(ignored, s.name)
		}
	}
	return slices.DeleteFunc(f.list, func(fault Fault) bool {
		section, _, _ := strings.Cut(fault.Path, ".")
		return slices.Contains(ignored, section)
	})
}
