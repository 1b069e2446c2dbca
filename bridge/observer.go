package bridge

import (
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/history"
)

// Observer is notified of the bridge's work, for metrics. Its methods return
// immediately and may be called from several goroutines.
type Observer interface {
	// Polls is called once for each endpoint of a source, before its first poll.
	Polls(source, name string)
	// Forgets is called when an endpoint is no longer polled.
	Forgets(source, name string)
	// Polled reports a poll that began at a time, its duration, its retries and its
	// error.
	Polled(source, name string, at time.Time, took time.Duration, retries int64, err error)
	// Read reports new readings. The map must not be kept.
	Read(source string, readings map[collectors.Measurement]collectors.Value)
	// Connected and Disconnected report the connection to the broker, in turns.
	Connected()
	Disconnected()
	// Published reports that the broker has acknowledged messages.
	Published(messages int)
	// Keeps is called at the start of a bridge that records a history. stats may be
	// called at any time.
	Keeps(stats func() history.Stats)
}

// nopObserver is an Observer that does nothing.
type nopObserver struct{}

func (nopObserver) Polls(string, string)                                          {}
func (nopObserver) Forgets(string, string)                                        {}
func (nopObserver) Polled(string, string, time.Time, time.Duration, int64, error) {}
func (nopObserver) Read(string, map[collectors.Measurement]collectors.Value)      {}
func (nopObserver) Connected()                                                    {}
func (nopObserver) Disconnected()                                                 {}
func (nopObserver) Published(int)                                                 {}
func (nopObserver) Keeps(func() history.Stats)                                    {}
