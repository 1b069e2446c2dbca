package bridge

import (
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/history"
)

// Observer is told what the bridge does. Its methods return at once; the owner
// and the session call them, each from a goroutine of its own.
type Observer interface {
	// Polls comes once for each endpoint that will be polled, before anything else.
	Polls(source, endpoint string)
	// Forgets comes when an endpoint is polled no more.
	Forgets(source, endpoint string)
	// Polled says how a poll ended, which began at that time and took so long, with
	// so many retries.
	Polled(source, endpoint string, at time.Time, took time.Duration, retries int64, err error)
	// Read says that these readings were taken. The map is the bridge's: it is not
	// kept.
	Read(source string, readings map[collectors.Measurement]collectors.Value)
	// Connected and Disconnected take turns.
	Connected()
	Disconnected()
	// Published says that the broker has acknowledged so many messages.
	Published(messages int)
	// Keeps comes at the start of a bridge that keeps readings while the broker is
	// away. stats may be called at any time.
	Keeps(stats func() history.Stats)
}

// nobody is the observer of a bridge that nobody observes.
type nobody struct{}

func (nobody) Polls(string, string)                                          {}
func (nobody) Forgets(string, string)                                        {}
func (nobody) Polled(string, string, time.Time, time.Duration, int64, error) {}
func (nobody) Read(string, map[collectors.Measurement]collectors.Value)      {}
func (nobody) Connected()                                                    {}
func (nobody) Disconnected()                                                 {}
func (nobody) Published(int)                                                 {}
func (nobody) Keeps(func() history.Stats)                                    {}
