package sources

import (
	"context"
	"fmt"
	"time"

	"hueair2mqtt/collectors"
)

// Source is one kind of device or account that can be read.
type Source struct {
	// Name is Collector.Source of its collectors and the source's section in the
	// configuration: "hue".
	Name string
	// Title is the name that users know: "Philips Hue".
	Title string
	// Enabled and Interval are those of the section.
	Enabled  bool
	Interval time.Duration
	// AlertFile is the name, within state_dir, of the file that exists while the source
	// refuses the program.
	AlertFile string
	// Collectors returns one collector for each endpoint, enabled or not.
	Collectors func() ([]collectors.Collector, error)
	// Setup is how the user gives the program access.
	Setup Setup
	// Credentials is the file that grants access. Its Path is empty if the source needs none.
	Credentials SecretFile
	// AtStart reports whether Collectors reads Credentials; if not, each poll does.
	AtStart bool
	// ServerTime asks the source for the time; nil if it can't be relied on. It returns
	// the name of the server even if it fails.
	ServerTime func(ctx context.Context) (server string, at time.Time, err error)
}

// Setup is how the user gives the program access to a source. The zero Setup is that of a
// source that needs nothing but its section.
type Setup struct {
	// Action names it in imperative words: "Sign in to Amazon". Command does it, and so
	// does the page at /Name.
	Action, Command string
	// StateFile is the name, within state_dir, of the file that stores its result.
	StateFile string
	// Endpoints reports whether the stored result is a list of endpoints, which the
	// program follows while it runs.
	Endpoints bool
	// OnPage reports whether an enabled source without a result waits for the user of the
	// page instead of being an error.
	OnPage bool
	// Missing says what lacks if Collectors returns none.
	Missing string
	// Done reports whether there is something to read.
	Done func() (bool, error)
}

// SecretFile is a file that the service must be able to read, and nobody else.
type SecretFile struct {
	// Name is what the user knows it by: a configuration key, or the file's own name.
	Name string
	Path string
	// Renew says in imperative words how to get a new one.
	Renew string
	// Kept reports whether the program itself writes it to its state directory. Such a
	// file may be missing.
	Kept bool
	// Refused reports whether the program rejects the file if others may change it. Kept
	// files are always rejected then.
	Refused bool
}

// IsSetUp reports whether there is something to read.
func (s Source) IsSetUp() (bool, error) {
	if s.Setup.Done == nil {
		return true, nil
	}
	return s.Setup.Done()
}

// AwaitsSetup reports whether the source is to be set up on the page before it can be read.
func (s Source) AwaitsSetup() bool {
	done, err := s.IsSetUp()
	return s.Setup.OnPage && err == nil && !done
}

// Endpoints is Collectors with an error if there are none.
func (s Source) Endpoints() ([]collectors.Collector, error) {
	all, err := s.Collectors()
	if err == nil && len(all) == 0 {
		return nil, &collectors.RemedyError{
			Err:    fmt.Errorf("%s, but %s.enabled is true", s.Setup.Missing, s.Name),
			Remedy: fmt.Sprintf("run %q, or set %s.enabled to false", s.Setup.Command, s.Name),
		}
	}
	return all, err
}
