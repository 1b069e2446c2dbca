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
	// Collectors returns a collector for each endpoint, whether the source is enabled or
	// not. The caller closes them.
	Collectors func() ([]collectors.Collector, error)
	// Setup is how the user gives the program access.
	Setup Setup
	// Credentials is the file that grants access. Its Path is empty if the source needs none.
	Credentials SecretFile
	// AtStart means that Collectors reads Credentials. Otherwise each poll does.
	AtStart bool
	// ServerTime asks the source for the time. It returns the name of the server even if it
	// fails. It is nil for a source without a reliable clock.
	ServerTime func(ctx context.Context) (server string, at time.Time, err error)
}

// Setup is how the user gives the program access to a source. The zero Setup is that of a
// source that needs nothing but its section.
type Setup struct {
	// Action describes it in the imperative: "Sign in to Amazon". Command does it, and so
	// does the page at the path of the source's Name.
	Action, Command string
	// StateFile is the name, within state_dir, of the file that stores the result.
	StateFile string
	// Endpoints means that StateFile lists endpoints. A running program adds and removes
	// them when the file changes.
	Endpoints bool
	// OnPage means that an enabled source without a result is not an error, because the
	// user can set it up on the page.
	OnPage bool
	// Missing is the message if there are no endpoints: "no Hue bridge is paired".
	Missing string
	// Done reports whether there are endpoints.
	Done func() (bool, error)
}

// SecretFile is a file that only the service and root may read.
type SecretFile struct {
	// Name is what the user knows it by: a configuration key, or the file's own name.
	Name string
	Path string
	// Renew is the remedy, in the imperative, that creates a new file.
	Renew string
	// Kept means that the program itself writes the file to its state directory. A kept
	// file may be missing.
	Kept bool
	// Refused means that the program rejects the file if other users may change it. It
	// always rejects kept files then.
	Refused bool
}

// IsSetUp reports whether the source has endpoints.
func (s Source) IsSetUp() (bool, error) {
	if s.Setup.Done == nil {
		return true, nil
	}
	return s.Setup.Done()
}

// AwaitsSetup reports whether the source has no endpoints until the user sets it up on the page.
func (s Source) AwaitsSetup() bool {
	done, err := s.IsSetUp()
	return s.Setup.OnPage && err == nil && !done
}

// Endpoints is Collectors, but having no endpoints is an error.
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
