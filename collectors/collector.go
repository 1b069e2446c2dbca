// Package collectors holds what every source of readings shares: the model of
// a device and its readings, the interface a source implements, the classes of
// error, and the retry.
//
// A source (Philips Hue, Amazon) is a folder below this one. It turns one
// vendor's answers into a Snapshot or a classified error and knows nothing of
// MQTT, Home Assistant or alerts. The class of an error, not its text, decides
// what the rest of the program does with it: a transient one is tried again, an
// authentication failure raises the alert, a permanent one is told once and
// left until the next poll.
package collectors

import "context"

// Sources are the names of all sources that this program can have, sorted. What
// others may have written under another name is none of this program's business.
var Sources = []string{"amazon", "hue"}

// Collector reads one endpoint of one source: one Hue bridge, or one Amazon
// account. A house with two Hue bridges has two collectors, so that a bridge
// that is away costs nothing of the other one.
type Collector interface {
	// Source names the kind of source, of [a-z0-9]: "hue" or "amazon". It heads
	// the ids of the source's devices and the topic of its problem.
	Source() string

	// Endpoint names what is asked, without anything secret, as a person would
	// recognise it in a log: "http://192.168.1.2". It is unique within a source
	// and the same after a restart.
	Endpoint() string

	// Collect asks once for everything the endpoint knows. It sends its requests
	// through retry and returns as soon as ctx ends. The error, if any, is one of
	// *TransientError, *AuthenticationError and *PermanentError, possibly wrapped
	// (in *ExhaustedError too), or the context's.
	// Collect is never called twice at the same time.
	Collect(ctx context.Context, retry *Retrier) (Snapshot, error)

	// Close ends what the collector has running in the background and waits for
	// its end. It comes after the last Collect.
	Close()
}

// Adviser is a Collector that knows what the user can do about a failure that
// needs nobody while the bridge runs, but that somebody wants to understand who
// looks for a fault.
type Adviser interface {
	// Advise tells in imperative words what to do about an error of Collect that has
	// no remedy of its own (see RemedyOf). A nil error is an answer without a device,
	// one of the kind NotUnderstood an answer without a device but with faults.
	// It may be called while Collect runs.
	Advise(err error) string
}

// NotUnderstood is the kind of error of an answer of which nothing could be read.
const NotUnderstood = "not understood"

// Removable is a Collector that the user can remove while the program runs.
type Removable interface {
	// Removal tells in imperative words how.
	Removal() string
}
