package bridge

import (
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/history"
)

// historyDir is the folder of the history in the state directory.
const historyDir = "history"

func openHistory(o Options) *history.Log {
	return history.Open(history.Options{
		Dir:      filepath.Join(o.StateDir, historyDir),
		MaxAge:   o.History.MaxAge,
		MaxBytes: int64(o.History.MaxMegabytes) * 1_000_000,
		Log:      o.Log,
	})
}

// publishReading publishes what has just been measured. The history has it first,
// so that it is not lost with the connection, or with this process.
func (w *owner) publishReading(d *device, at time.Time) {
	w.options.Observer.Read(d.poller.source(), d.Readings)
	if w.out == nil && w.history == nil {
		return
	}
	state := d.state()
	var reading history.Key
	if w.history != nil && d.Online {
		reading = w.history.Add(d.ID, at, state, w.out != nil)
	}
	if w.out != nil {
		w.publishState(d, state, reading)
	}
}

// put hands a message to the session. A reading whose place it takes is told as
// history.
func (w *owner) put(m message) {
	superseded, toTell := w.out.put(m)
	if !superseded.IsZero() {
		w.history.Release(superseded)
	}
	if toTell {
		w.log.Warn("the broker does not take messages as fast as they come; events and answers to requests are lost, states are not",
			zap.Int("waiting", maxEvents))
	}
}

// keepUnacknowledged makes history of what the connection that has ended may not
// have delivered.
func (w *owner) keepUnacknowledged() {
	if w.history != nil {
		w.history.ReleaseAll()
	}
}
