// Package collectors holds what all sources of readings share: the model of devices
// and readings, the interface of a source, the classes of errors, and the retry.
//
// A source (Philips Hue, Amazon) is a folder below this one. It converts a vendor's
// responses to a Snapshot or a classified error, and knows nothing of MQTT or alerts.
// The class of an error decides what the program does about it: a transient error is
// retried, an authentication error raises an alert, and a permanent error is logged
// and left for the next poll.
package collectors

import "context"

// Collector reads one endpoint of one source: one Hue bridge or one Amazon account.
// Two Hue bridges are two collectors, so that the failure of one does not affect the
// other.
type Collector interface {
	// Source returns the name of the source, of [a-z0-9]: "hue" or "amazon". It begins
	// the ids of the source's devices and the topic of its problem.
	Source() string

	// Endpoint returns a name for logs, without secrets: "http://192.168.1.2". It is
	// unique within a source and does not change with a restart.
	Endpoint() string

	// Collect polls the endpoint once. It sends its requests through retry and returns
	// as soon as ctx is done. The error is a *TransientError, *AuthenticationError or
	// *PermanentError, possibly wrapped (also in *ExhaustedError), or the context's.
	// Collect is not called concurrently.
	Collect(ctx context.Context, retry *Retrier) (Snapshot, error)

	// Close stops background work and waits for it. It is called after the last
	// Collect.
	Close()
}

// Adviser is a Collector with advice about failures that usually go away by
// themselves, for a user who looks for their cause.
type Adviser interface {
	// Advise returns in the imperative what to do about an error of Collect without a
	// remedy of its own (see RemedyOf). A nil error means a response without devices,
	// the kind NotUnderstood one with faults instead of devices. Advise may be called
	// while Collect runs.
	Advise(err error) string
}

// NotUnderstood is the kind of the error of a response without a readable device.
const NotUnderstood = "not understood"

// Removable is a Collector that the user can remove while the program runs.
type Removable interface {
	// Removal returns in the imperative how to remove it.
	Removal() string
}
