package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	// Path is the key: "hue.bridges[1].host". It is the variable's name where an
	// environment variable names no key, and empty for the file as a whole.
	Path string
	// Problem says what is wrong, without any secret.
	Problem string
	// Remedy says in imperative words what would be right.
	Remedy string
	// Origin is where the value comes from: "line 12 of FILE", a variable's name,
	// a flag. It is empty for a value that is nowhere.
	Origin string
	// InFile says that the value is good, but not the file that it names.
	InFile bool
}

// FaultsError is everything that is wrong with the configuration.
type FaultsError struct {
	File   string
	Faults []Fault
}

// Error has one line a fault.
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

// faults gathers what is found while loading, and where each value came from.
type faults struct {
	list    []Fault
	faulty  map[string]bool   // paths in list
	origins map[string]string // by path
}

func newFaults() *faults {
	return &faults{faulty: map[string]bool{}, origins: map[string]string{}}
}

func (f *faults) add(path, problem, remedy, origin string) {
	f.list = append(f.list, Fault{Path: path, Problem: problem, Remedy: remedy, Origin: origin})
	f.faulty[path] = true
}

// replaced notes where a value came from that replaces all there was at path.
func (f *faults) replaced(path, origin string) {
	for known := range f.origins {
		if strings.HasPrefix(known, path+".") || strings.HasPrefix(known, path+"[") {
			delete(f.origins, known)
		}
	}
	f.origins[path] = origin
}

// origin tells where the value at path came from, or else what it is in.
func (f *faults) origin(path string) string {
	for ; path != ""; path = parent(path) {
		if origin, ok := f.origins[path]; ok {
			return origin
		}
	}
	return ""
}

// sound says that nothing has been found wrong with any of the keys, nor with
// what they are in. A check of two keys against each other makes sense only then.
func (f *faults) sound(paths ...string) bool {
	for _, path := range paths {
		for ; path != ""; path = parent(path) {
			if f.faulty[path] {
				return false
			}
		}
	}
	return true
}

// invalid reports an impossible value, unless something more basic is already
// known to be wrong there.
func (f *faults) invalid(path, problem, remedy string) {
	if f.sound(path) {
		f.add(path, problem, remedy, f.origin(path))
	}
}

// unusable reports a file that a value names and that can't be used.
func (f *faults) unusable(path, problem, remedy string) {
	if f.sound(path) {
		f.invalid(path, problem, remedy)
		f.list[len(f.list)-1].InFile = true
	}
}

func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, index int) string { return path + "[" + strconv.Itoa(index) + "]" }

func entry(path, key string) string { return fmt.Sprintf("%s[%q]", path, key) }

// parent is the path of what path is in, and "" at the top.
func parent(path string) string {
	i := strings.LastIndexAny(path, ".[")
	if i < 0 {
		return ""
	}
	return path[:i]
}

// maxShown bounds, in bytes, how much of a wrong value a fault repeats.
const maxShown = 60

// quoted shows a wrong value. Text with an @ may be a URL that carries a
// password, so it is not shown.
func quoted(value string) string {
	if strings.Contains(value, "@") {
		return "this value"
	}
	if len(value) > maxShown {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(value[:maxShown], ""))
	}
	return fmt.Sprintf("%q", value)
}
