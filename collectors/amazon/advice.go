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
		return "see that the Alexa app shows the monitor, and that amazon.domain is the marketplace of the account"
	case collectors.KindOf(err) == "certificate":
		return "see that the clock is right, and that nobody is between this machine and Amazon who shows a certificate of their own"
	case errors.As(err, &transient) && transient.StatusCode != 0:
		return "wait some minutes and try again; if it stays so, make amazon.interval longer"
	case collectors.ClassOf(err) == collectors.Transient:
		return "see that this machine reaches the internet and finds the name of " + c.endpoint
	}
	return "try again later; if it stays so, Amazon has changed something: look for a newer hueair2mqtt"
}
