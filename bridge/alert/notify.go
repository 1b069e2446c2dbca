package alert

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Notifier sends notifications to the user.
type Notifier interface {
	// Name is a word for the log and the alert file, such as "mail".
	Name() string
	// Target is where notifications go, for the log. It contains no secret.
	Target() string
	// Send sends a notification. It returns when ctx is done.
	Send(ctx context.Context, n Notification) error
}

// Problem describes an alert to the user. The zero Problem is none.
type Problem struct {
	Reason, Code, Remedy string
	Since                time.Time
	Acknowledged         bool
}

// Notification is the content of a notification.
type Notification struct {
	Source string
	Title  string // one line
	Text   string
	Problem
}

const (
	// notifyTimeout bounds one notification.
	notifyTimeout = 30 * time.Second

	// notifyInterval is the time from one notification about a source to the next, and
	// from a failed attempt to its repetition. It bounds the notifications of a source
	// that refuses and accepts in turn, which raises a new alert each time.
	notifyInterval = 10 * time.Minute
)

// delivery is the notification of one alert by one notifier.
type delivery struct {
	notifier Notifier
	sent     time.Time
	sending  bool
	next     time.Time // not before
}

// Outcome is the outcome of writing the file of a source, or of a notification.
type Outcome struct {
	Source string

	delivery *delivery // nil for the file
	since    time.Time // when the alert was raised
	err      error
}

// begin reports whether a notification is due, which the caller then sends.
func (d *delivery) begin() bool {
	now := time.Now()
	if d.sending || !d.sent.IsZero() || now.Before(d.next) {
		return false
	}
	d.sending, d.next = true, now.Add(notifyInterval)
	return true
}

// send sends a notification. It uses nothing but the notifier, because it runs in a
// goroutine of its own.
func (d *delivery) send(ctx context.Context, n Notification) Outcome {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	err := d.notifier.Send(ctx, n)
	if err != nil && ctx.Err() != nil {
		// The connection was closed because of it, and that is all that err says.
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return Outcome{Source: n.Source, since: n.Since, delivery: d, err: err}
}

// end records the outcome.
func (d *delivery) end(err error) {
	d.sending = false
	if err != nil {
		d.next = time.Now().Add(notifyInterval)
	} else {
		d.sent = time.Now()
	}
}

func (d *delivery) log(log *zap.Logger, err error) {
	log = log.With(zap.String("notifier", d.notifier.Name()), zap.String("target", d.notifier.Target()))
	if err != nil {
		log.Error("the notification could not be sent; it is repeated while the alert lasts", zap.Error(err))
	} else {
		log.Info("notification sent")
	}
}

// reset prepares for the next alert.
func (d *delivery) reset() { d.sent, d.sending = time.Time{}, false }
