package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Fault is one mistake in the configuration.
type Fault struct {
	// Path is the key, such as "hue.bridges[1].host". It is the variable's name if
	// an environment variable names no key, and empty for the file as a whole.
	Path string
	// Problem describes the mistake without revealing a secret.
	Problem string
	// Remedy is what the user should write instead, in the imperative.
	Remedy string
	// Origin is where the value was set: "line 12 of FILE", a variable's name or a
	// flag. It is empty for a value that is not set anywhere.
	Origin string
	// InFile reports that the value itself is valid, but the file it names is not.
	InFile bool
}

// FaultsError lists every mistake in the configuration.
type FaultsError struct {
	File   string
	Faults []Fault
}

// Error returns one line per fault.
func (e *FaultsError) Error() string {
	lines := make([]string, 0, len(e.Faults))
	for _, f := range e.Faults {
		where := f.Path
		if where == "" {
			where = e.File
		}
		line := where + ": " + f.Problem + "; " + f.Remedy
		if f.Origin != "" && f.Origin != where {
			line += " (" + f.Origin + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// faults collects the mistakes found while loading, and the origin of each value.
type faults struct {
	list    []Fault
	faulty  map[string]bool   // the paths in list
	origins map[string]string // by path
}

func newFaults() *faults {
	return &faults{faulty: map[string]bool{}, origins: map[string]string{}}
}

func (f *faults) add(path, problem, remedy, origin string) {
	f.list = append(f.list, Fault{Path: path, Problem: problem, Remedy: remedy, Origin: origin})
	f.faulty[path] = true
}

// origin returns where the value at path, or the section or list around it, was
// set.
func (f *faults) origin(path string) string {
	for ; path != ""; path = parent(path) {
		if origin, ok := f.origins[path]; ok {
			return origin
		}
	}
	return ""
}

// sound reports whether no fault is known for the path or anything around it.
// Two keys are compared with each other only if both are sound.
func (f *faults) sound(path string) bool {
	for ; path != ""; path = parent(path) {
		if f.faulty[path] {
			return false
		}
	}
	return true
}

// invalid reports a bad value, unless path already has a fault.
func (f *faults) invalid(path, problem, remedy string) {
	if f.sound(path) {
		f.add(path, problem, remedy, f.origin(path))
	}
}

// unusable reports a value that names an unusable file.
func (f *faults) unusable(path, problem, remedy string) {
	if f.sound(path) {
		f.invalid(path, problem, remedy)
		f.list[len(f.list)-1].InFile = true
	}
}

// unreadable reports a value that names a file which can't be read.
func (f *faults) unreadable(path, file string, err error) {
	f.unusable(path, quoted(file)+" can't be read: "+reason(err), "name a file that the program's user may read")
}

// reason returns why a file can't be read, without the file's name.
func reason(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}

// member returns the path of a key in the section at path.
func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// element returns the path of an element of the list at path.
func element(path string, index int) string { return path + "[" + strconv.Itoa(index) + "]" }

// entry returns the path of an entry of the map at path.
func entry(path, key string) string { return fmt.Sprintf("%s[%q]", path, key) }

// parent returns the path of the section or list around path, "" at the top.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// maxQuoted bounds, in bytes, how much of a bad value a fault repeats.
const maxQuoted = 60

// quoted returns a bad value in quotes. Text with an @ may be a URL with a
// password, so it is not repeated.
func quoted(value string) string {
	if strings.Contains(value, "@") {
		return "this value"
	}
	if len(value) > maxQuoted {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(value[:maxQuoted], ""))
	}
	return fmt.Sprintf("%q", value)
}
