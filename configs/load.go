package configs

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Default is the default configuration file with its comments. It holds every
// key that has a default; the program takes its defaults from it.
//
//go:embed hueair2mqtt.yaml
var Default []byte

// delimiter separates the keys of a path in koanf. A dot would do for our keys
// alone, but not beside what users write.
const delimiter = "\x1f"

// maxFileSize bounds the configuration file, in bytes.
const maxFileSize = 1 << 20

// Load reads the configuration: the defaults, over them file, over that the
// variables of environ ("HUEAIR2MQTT_MQTT__BROKER=...", in the manner of
// os.Environ), over those the flags of fs that were given. file may be empty,
// fs nil. Passwords that the configuration names a file for, or that lie in the
// credentials' folder, are read too.
//
// Where anything is wrong the error is a *FaultsError with all of it, and there
// is no configuration.
func Load(file string, environ []string, fs *pflag.FlagSet) (*Config, error) {
	c, f, err := load(file, environ, fs, true)
	if err != nil {
		return nil, err
	}
	if len(f.list) > 0 {
		return nil, &FaultsError{File: file, Faults: f.list}
	}
	return c, nil
}

// LoadFor is Load for a command that needs some sections alone ("amazon",
// "state_dir"): what is wrong with the others is no fault yet, and they hold
// nothing to rely on. So somebody can sign in to Amazon before the broker and the
// Hue bridges are set up.
func LoadFor(sections []string, file string, environ []string, fs *pflag.FlagSet) (*Config, error) {
	c, f, err := load(file, environ, fs, false)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, s := range settings(reflect.TypeFor[Config]()) {
		if !slices.Contains(sections, s.name) {
			others = append(others, s.name)
		}
	}
	counting := slices.DeleteFunc(f.list, func(fault Fault) bool {
		section, _, _ := strings.Cut(fault.Path, ".")
		return slices.Contains(others, section)
	})
	if len(counting) > 0 {
		return nil, &FaultsError{File: file, Faults: counting}
	}
	return c, nil
}

// load is Load without an end: it gathers the faults. Where it is not whole, the
// configuration need not be enough to run with.
func load(file string, environ []string, fs *pflag.FlagSet, whole bool) (*Config, *faults, error) {
	var (
		f        = newFaults()
		ko       = koanf.New(delimiter)
		readable = true
	)
	if err := ko.Load(confmap.Provider(defaults(), ""), nil); err != nil {
		return nil, nil, fmt.Errorf("take the default configuration: %w", err)
	}
	if file != "" {
		var values map[string]any
		if values, readable = readFile(f, file); readable {
			if err := ko.Load(confmap.Provider(values, ""), nil); err != nil {
				return nil, nil, fmt.Errorf("take the configuration of %s: %w", file, err)
			}
		}
	}
	for _, v := range readEnvironment(f, environ) {
		if err := overlay(f, ko, v); err != nil {
			return nil, nil, fmt.Errorf("take the environment variable %s: %w", v.name, err)
		}
	}
	if fs != nil {
		flags := posflag.ProviderWithFlag(fs, delimiter, nil, func(flag *pflag.Flag) (string, any) {
			value, ok := readFlag(f, flag)
			if !ok {
				return "", nil
			}
			return strings.ReplaceAll(flag.Name, ".", delimiter), value
		})
		if err := ko.Load(flags, nil); err != nil {
			return nil, nil, fmt.Errorf("take the flags: %w", err)
		}
	}

	var c Config
	err := ko.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{ErrorUnused: true}})
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	// Half of a configuration says nothing about the whole.
	if readable {
		c.findCredentials(credentialsIn(file, environ))
		validate(f, &c, whole)
	}
	return &c, f, nil
}

// defaults reads the default file. It is part of the program, and a fault in it
// is one of the program. The names of button events differ: the file is for new
// installations, and one without the key was written before there were two.
func defaults() map[string]any {
	f := newFaults()
	values, _ := readYAML(f, "the default configuration", Default)
	if len(f.list) > 0 {
		panic((&FaultsError{Faults: f.list}).Error())
	}
	values["hue"].(map[string]any)["button_events"] = "hue"
	return values
}

// readFile reads the configuration file; ok is false if nothing can be said
// about what is in it.
func readFile(f *faults, file string) (values map[string]any, ok bool) {
	data, err := ReadFile(file, maxFileSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.add("", "there is no such file", "name the configuration with --config FILE, or copy the default one there", "")
		return nil, false
	case errors.Is(err, fs.ErrPermission):
		f.add("", "this user may not read the file", "run the program as its own user or as root, or mend the file's mode", "")
		return nil, false
	case errors.Is(err, ErrTooLarge):
		f.add("", "is larger than 1 MiB, so it is no configuration", "name the configuration with --config FILE", "")
		return nil, false
	case err != nil:
		f.add("", "can't be read: "+reason(err), "name the configuration with --config FILE", "")
		return nil, false
	}
	return readYAML(f, file, data)
}

func readYAML(f *faults, file string, data []byte) (values map[string]any, ok bool) {
	root, problem := parse(data)
	if problem != nil {
		f.add("", problem.problem, problem.remedy, lineOf(file)(problem.line))
		return nil, false
	}
	if root == nil {
		return nil, true
	}
	r := reader{faults: f, origin: lineOf(file)}
	value := r.value(root, reflect.TypeFor[Config](), "")
	values, ok = value.(map[string]any)
	return values, ok || value == nil && len(f.list) == 0
}

// reason is why a file can't be read, without its name, which the fault has.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// overlay puts the value of one environment variable over what there is.
func overlay(f *faults, ko *koanf.Koanf, v variable) error {
	key := strings.Join(v.keys, delimiter)
	if len(v.inside) == 0 {
		return ko.Load(confmap.Provider(map[string]any{key: v.value}, delimiter), nil)
	}
	var whole any
	if v.list {
		list, _ := ko.Get(key).([]any) // none yet is an empty one
		index, err := strconv.Atoi(v.inside[0])
		if err != nil {
			return err
		}
		switch {
		case index > len(list):
			f.add(v.path, fmt.Sprintf("there is no entry %d to set; the list has %d", index, len(list)),
				fmt.Sprintf("count from 0, so that the next one is %d", len(list)), v.name)
			return nil
		case index == len(list):
			list = append(list, nil)
		}
		if len(v.inside) == 1 {
			list[index] = v.value
		} else {
			fields, ok := list[index].(map[string]any)
			if !ok {
				fields = map[string]any{}
			}
			fields[v.inside[1]] = v.value
			list[index] = fields
		}
		whole = list
	} else {
		areas := map[string]string{v.inside[0]: v.value.(string)}
		old, _ := ko.Get(key).(map[string]string)
		for id, area := range old {
			if !strings.EqualFold(id, v.inside[0]) {
				areas[id] = area
			}
		}
		whole = areas
	}
	return ko.Load(confmap.Provider(map[string]any{key: whole}, delimiter), nil)
}

// lookUp finds the value at a path of keys, or nil.
func lookUp(values map[string]any, path string) any {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return values[name]
	}
	below, ok := values[name].(map[string]any)
	if !ok {
		return nil
	}
	return lookUp(below, rest)
}

// readPassword reads a file that holds one password in one line.
func readPassword(f *faults, path, file string) Secret {
	// MQTT and SMTP know no longer ones.
	const limit = 64 << 10
	data, err := ReadFile(file, limit)
	switch {
	case errors.Is(err, ErrTooLarge):
		f.unusable(path, quoted(file)+" is larger than 64 KiB, so it holds no password", "name a file with the password alone")
		return ""
	case err != nil:
		f.unusable(path, quoted(file)+" can't be read: "+reason(err), "name a file that the program's user may read")
		return ""
	}
	data = bytes.TrimRight(data, "\r\n")
	switch {
	case len(data) == 0:
		f.unusable(path, quoted(file)+" is empty", "write the password into it, in one line")
	case slices.Contains(data, '\n'):
		f.unusable(path, quoted(file)+" has more than one line", "leave the password alone in it, in one line")
	}
	return Secret(data)
}
