package amazon

import (
	"errors"

	"hueair2mqtt/collectors"
)

// Advise tells what to do about a failure of Collect; see collectors.Adviser.
func (c *Collector) Advise(err error) string {
	var transient *collectors.TransientError
	switch {
	case err == nil, collectors.KindOf(err) == collectors.NotUnderstood:
		return c.session.noMonitorAdvice()
	case collectors.KindOf(err) == "certificate":
		return "see that the clock is right, and that nobody is between this machine and Amazon who shows a certificate of their own"
	case collectors.AsThrottled(err) != nil:
		return "wait: the bridge asks again by itself, after a longer pause each time; other Alexa integrations on the account " +
			"(of Home Assistant, Homebridge, ioBroker) count too, so stop or slow down those that you can do without, and make amazon.interval longer"
	case errors.As(err, &transient) && transient.StatusCode != 0:
		return "wait some minutes and try again; if it stays so, make amazon.interval longer"
	case collectors.ClassOf(err) == collectors.Transient:
		return "see that this machine reaches the internet and finds the name of " + c.endpoint
	}
	return "try again later; if it stays so, Amazon has changed something: look for a newer hueair2mqtt"
}
