package hue

import (
	"errors"
	"fmt"
	"strings"

	"hueair2mqtt/collectors"
)

// advise returns what to do about a failure of Collect.
func (c *connection) advise(err error) string {
	if err == nil {
		return "add the sensors to the Hue bridge in the Hue app"
	}
	switch collectors.KindOf(err) {
	case collectors.NotUnderstood:
		return "look for a newer hueair2mqtt, and update the Hue bridge in the Hue app"
	case "other bridge":
		return fmt.Sprintf(`run "hueair2mqtt hue discover" to see the addresses of the Hue bridges, and correct %s or %s`, c.target.Setting, c.target.IDSetting)
	case "malformed", "oversized", "permanent":
		return fmt.Sprintf("check that %s is the address of the Hue bridge", c.target.Setting)
	}
	if answered(err) {
		return "wait a minute and try again; if the problem persists, disconnect the Hue bridge from its power for ten seconds"
	}
	advice := fmt.Sprintf(`check that the Hue bridge has power and network, and run "hueair2mqtt hue discover" to see whether it is still at %s`, c.target.Host)
	if c.endpoint == c.target.ID {
		advice += "; if another one replaced it, " + c.removal()
	}
	return advice
}

// removal returns how to remove the bridge.
func (c *connection) removal() string {
	if c.endpoint == c.target.ID { // no address is configured
		return fmt.Sprintf(`run "hueair2mqtt hue forget %s"`, c.target.ID)
	}
	return fmt.Sprintf("remove %s from the configuration and restart hueair2mqtt", c.setting)
}

// withRemedy adds to an authentication error what it is about and how to get a valid key.
func (c *connection) withRemedy(err error) error {
	var authentication *collectors.AuthenticationError
	if !errors.As(err, &authentication) {
		return err
	}
	remedy := fmt.Sprintf("Run \"hueair2mqtt hue pair --host %s\" and press the link button on the Hue bridge", c.target.Host)
	switch {
	case c.ownKey:
		remedy += fmt.Sprintf(", remove %s.username, then restart hueair2mqtt.", c.setting)
	case c.endpoint == c.target.ID:
		remedy += "; hueair2mqtt then continues by itself. If this Hue bridge was replaced by another one: " + c.removal() + "."
	default:
		remedy += "; hueair2mqtt then continues by itself."
	}
	cause := authentication.Err
	if strings.HasPrefix(authentication.Code, "HTTP ") {
		cause = fmt.Errorf("the Hue bridge refuses the key: %w", cause)
	}
	return &collectors.AuthenticationError{Code: authentication.Code, Remedy: remedy, Err: cause}
}
