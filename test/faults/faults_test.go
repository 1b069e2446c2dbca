//go:build faults && linux

package faults

import (
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// fault is a fault that begins and ends.
type fault struct {
	name string
	at   func(h *testHome) *proxy // between the program and what
	harm harm

	// loses names the part that can't be read meanwhile; everything else must continue.
	loses string
	// lasts is the minimum duration; with loses, the fault also lasts until the loss is published.
	lasts time.Duration
	// needs makes the program do something meanwhile.
	needs func(h *testHome)
	// heals is the maximum time from the end of the fault until every invariant holds.
	heals time.Duration
	// tls encrypts the connection to the broker. Otherwise a changed byte of a reading could not be
	// detected.
	tls bool
}

const (
	// soon is one interval until the next poll begins and a second one for the poll under way, plus
	// a margin for a machine that runs many programs at once.
	soon = 2*interval + 4*time.Second
	// afterReconnect adds the longest pause before the next connection attempt (5 s) and an attempt
	// that has just begun to hang (10 s).
	afterReconnect = soon + 15*time.Second
	// afterSilence adds the time until a silent connection is given up: the keep-alive of 30 s and
	// 10 s for its response. The sum is below the default interval of 60 s.
	afterSilence = soon + 40*time.Second
	// afterDeadStream adds the time that a Hue bridge's event stream may be silent before it is
	// replaced. Requests beside it are answered, so nothing else shows that it is dead.
	afterDeadStream = soon + 2*time.Minute
)

func broker(h *testHome) *proxy { return h.toBroker }
func hue(h *testHome) *proxy    { return h.toHue }
func old(h *testHome) *proxy    { return h.toOld }
func alexa(h *testHome) *proxy  { return h.toAlexa }
func tokens(h *testHome) *proxy { return h.toTokens }
func mail(h *testHome) *proxy   { return h.toMail }

// renew expires the cookies, so that they must be renewed.
func renew(h *testHome) { h.Amazon.KillCookies() }

// alarm makes Amazon refuse the sign-in, so that a mail is sent.
func alarm(h *testHome) { h.refuse("amazon") }

var faults = []fault{
	{name: "broker/slow", at: broker, harm: harm{delay: 300 * time.Millisecond}, lasts: 5 * time.Second, heals: soon},
	{name: "broker/cut", at: broker, harm: harm{cut: true}, lasts: 5 * time.Second, heals: afterReconnect},
	{name: "broker/half-closed", at: broker, harm: harm{halfClose: true}, lasts: 5 * time.Second, heals: afterReconnect},
	{name: "broker/a-byte-a-second", at: broker, harm: harm{trickle: true}, lasts: 12 * time.Second, heals: afterReconnect},
	{name: "broker/corrupted", at: broker, harm: harm{corrupt: true}, lasts: 5 * time.Second, heals: afterReconnect, tls: true},
	{name: "broker/its-words-corrupted", at: broker, harm: harm{corrupt: true, corruptServerOnly: true}, lasts: 5 * time.Second, heals: afterSilence},
	{name: "broker/silent", at: broker, harm: harm{drop: true}, lasts: 5 * time.Second, heals: afterSilence},
	{name: "broker/connection-dead", at: broker, harm: harm{drop: true, existing: true}, lasts: 2 * interval, heals: afterSilence},

	{name: "hue/slow", at: hue, harm: harm{delay: 100 * time.Millisecond}, lasts: 5 * time.Second, heals: soon},
	{name: "hue/cut", at: hue, harm: harm{cut: true}, loses: "hue", heals: soon},
	{name: "hue/half-closed", at: hue, harm: harm{halfClose: true}, loses: "hue", heals: soon},
	{name: "hue/a-byte-a-second", at: hue, harm: harm{trickle: true}, loses: "hue", heals: soon},
	{name: "hue/answers-after-its-interval", at: hue, harm: harm{delay: interval + time.Second}, loses: "hue", heals: soon},
	{name: "hue/corrupted", at: hue, harm: harm{corrupt: true}, loses: "hue", heals: soon},
	{name: "hue/silent", at: hue, harm: harm{drop: true}, loses: "hue", heals: soon},
	{name: "hue/stream-dead", at: hue, harm: harm{drop: true, existing: true}, lasts: 5 * time.Second, heals: afterDeadStream},

	{name: "old-hue/slow", at: old, harm: harm{delay: 100 * time.Millisecond}, lasts: 5 * time.Second, heals: soon},
	{name: "old-hue/cut", at: old, harm: harm{cut: true}, loses: "old", heals: soon},
	{name: "old-hue/half-closed", at: old, harm: harm{halfClose: true}, loses: "old", heals: soon},
	{name: "old-hue/a-byte-a-second", at: old, harm: harm{trickle: true}, loses: "old", heals: soon},
	{name: "old-hue/answers-after-its-interval", at: old, harm: harm{delay: interval + time.Second}, loses: "old", heals: soon},
	{name: "old-hue/silent", at: old, harm: harm{drop: true}, loses: "old", heals: soon},

	{name: "alexa/slow", at: alexa, harm: harm{delay: 50 * time.Millisecond}, lasts: 5 * time.Second, heals: soon},
	{name: "alexa/cut", at: alexa, harm: harm{cut: true}, loses: "amazon", heals: soon},
	{name: "alexa/half-closed", at: alexa, harm: harm{halfClose: true}, loses: "amazon", heals: soon},
	{name: "alexa/a-byte-a-second", at: alexa, harm: harm{trickle: true}, loses: "amazon", heals: soon},
	{name: "alexa/answers-after-its-interval", at: alexa, harm: harm{delay: interval + time.Second}, loses: "amazon", heals: soon},
	{name: "alexa/corrupted", at: alexa, harm: harm{corrupt: true}, loses: "amazon", heals: soon},
	{name: "alexa/silent", at: alexa, harm: harm{drop: true}, loses: "amazon", heals: soon},
	{name: "alexa/connection-dead", at: alexa, harm: harm{drop: true, existing: true}, lasts: 2 * interval, heals: soon},

	{name: "token-host/cut", at: tokens, harm: harm{cut: true}, needs: renew, loses: "amazon", heals: soon},
	{name: "token-host/half-closed", at: tokens, harm: harm{halfClose: true}, needs: renew, loses: "amazon", heals: soon},
	{name: "token-host/a-byte-a-second", at: tokens, harm: harm{trickle: true}, needs: renew, loses: "amazon", heals: soon},
	{name: "token-host/corrupted", at: tokens, harm: harm{corrupt: true}, needs: renew, loses: "amazon", heals: soon},
	{name: "token-host/silent", at: tokens, harm: harm{drop: true}, needs: renew, loses: "amazon", heals: soon},

	{name: "mail/slow", at: mail, harm: harm{delay: 200 * time.Millisecond}, needs: alarm, lasts: 5 * time.Second, heals: soon},
	{name: "mail/cut", at: mail, harm: harm{cut: true}, needs: alarm, lasts: 5 * time.Second, heals: soon},
	{name: "mail/half-closed", at: mail, harm: harm{halfClose: true}, needs: alarm, lasts: 5 * time.Second, heals: soon},
	{name: "mail/a-byte-a-second", at: mail, harm: harm{trickle: true}, needs: alarm, lasts: 5 * time.Second, heals: soon},
	{name: "mail/corrupted", at: mail, harm: harm{corrupt: true}, needs: alarm, lasts: 5 * time.Second, heals: soon},
	{name: "mail/silent", at: mail, harm: harm{drop: true}, needs: alarm, lasts: 5 * time.Second, heals: soon},
}

// TestFaults checks a program before, during and after each fault, and when it is stopped.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			h := newTestHome(t, layout{brokerTLS: f.tls})
			p := h.run()
			h.holds(harness.Patience, "before the fault")
			before := p.atRest()
			healed := h.endure(f)
			report(t, "true again %s after it; before %s; after %s", healed.Round(100*time.Millisecond), before, p.shrinks(before))
			if f.name == "mail/slow" && h.mailsAbout("amazon") != 1 {
				t.Errorf("%d mails, want 1", h.mailsAbout("amazon"))
			}
			p.stop()
		})
	}
}

// endure begins and ends a fault while values change, and returns how long it took until every
// invariant held.
func (h *testHome) endure(f fault) time.Duration {
	h.t.Helper()
	f.at(h).set(f.harm)
	h.change()
	if f.needs != nil {
		f.needs(h)
	}
	// In a third of the runs a source also refuses the sign-in.
	refused := ""
	if f.needs == nil && h.random.IntN(3) == 0 {
		refused = sources[h.random.IntN(len(sources))]
	}
	if f.loses != "" {
		// An unreachable source can't refuse a sign-in unless it did before.
		h.actual.lost[f.loses] = true
		h.holds(harness.Patience, "while it lasts")
	}
	if refused != "" {
		h.refuse(refused)
	}
	h.change()
	wait(h.t, f.lasts)
	f.at(h).set(harm{})
	delete(h.actual.lost, f.loses)
	healed := h.holds(f.heals, "after its end")
	for _, source := range sources {
		if h.actual.refused[source] {
			h.letIn(source)
		}
	}
	h.change()
	h.holds(soon, "after all that was refused is accepted")
	return healed
}

// TestManyFaultsLeakNothing exposes one program to twenty random faults in a row and checks its
// descriptors, threads, memory and goroutines.
func TestManyFaultsLeakNothing(t *testing.T) {
	t.Parallel()
	undisturbed := newTestHome(t, layout{})
	undisturbed.run()
	undisturbed.holds(harness.Patience, "at the start")
	undisturbed.program.atRest()
	usual, _ := undisturbed.program.goroutines()

	h := newTestHome(t, layout{})
	p := h.run()
	h.holds(harness.Patience, "at the start")
	before := p.atRest()
	report(t, "at the start: %s, %d goroutines", before, usual)
	left := 20
	for _, i := range h.random.Perm(len(faults)) {
		f := faults[i]
		if f.tls || f.heals >= afterSilence {
			continue // the table has them; here they would take minutes
		}
		if left--; left < 0 {
			break
		}
		healed := h.endure(f)
		report(t, "%-28s true again after %-6s now %s", f.name, healed.Round(100*time.Millisecond), p.footprint())
	}
	after := p.shrinks(before)
	report(t, "at the end: %s", after)
	// Go keeps threads and returns memory when it likes.
	if after.threads > before.threads+6 {
		t.Errorf("threads grew from %d to %d", before.threads, after.threads)
	}
	if grown := after.residentKB - before.residentKB; grown > 8<<10 {
		t.Errorf("memory grew by %d KiB", grown)
	}
	p.checkLog()
	now, stacks := p.goroutines()
	report(t, "goroutines: %d at the start of another, %d now", usual, now)
	if now > usual+4 {
		t.Errorf("goroutines grew from %d to %d:\n%s", usual, now, stacks)
	}
}
