package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/discovery"
)

// Broker checks whether the broker lets the bridge do its work: connect, publish and
// subscribe on the topics that it needs.
//
// In MQTT 3.1.1 a broker that forbids a message drops it silently, and one that forbids
// reading grants the subscription and sends nothing. So permissions are found by their
// effects:
//
//   - In MQTT 5 the broker answers each message with a reason code.
//   - A message of QoS 2 is delivered when its sender releases it. Messages on the
//     bridge's and Home Assistant's real topics are never released, and the broker
//     forgets them when the probe disconnects. The standard lets a broker deliver them
//     immediately too, so a message on a topic of our own first shows which.
//   - Reading is proved by a message that returns, if the bridge may also write
//     there, which it need not.
//
// With a broker that delivers immediately or has no MQTT 5, only topics without
// subscribers are tried. Nothing is retained anywhere.
func Broker(ctx context.Context, o mqtt.Options, h configs.HomeAssistant) (findings []Finding) {
	const component = "broker"
	if o.Locate != nil && o.Settings.Broker == "" {
		located, err := o.Locate(ctx)
		if err != nil {
			return []Finding{FromError(component, err, "")}
		}
		o.Settings = located
	}
	unknown, problems := checkBroker(ctx, o, h)
	for _, err := range problems {
		f := FromError(component, fmt.Errorf("%s: %w", o.Settings.Broker, err), "check the settings under mqtt")
		_, f.Unusable = errors.AsType[*mqtt.SettingsError](err)
		findings = append(findings, f)
	}
	switch {
	case len(findings) > 0:
		return findings
	case len(unknown) > 0:
		return []Finding{Passed(component, "%s allows the program to publish; whether it may read %s cannot be checked from here",
			o.Settings.Broker, strings.Join(unknown, " and "))}
	}
	return []Finding{Passed(component, "%s allows the program to publish and subscribe", o.Settings.Broker)}
}

// checkBroker returns the problems, each error with its remedy, and the topics for
// which reading cannot be checked.
func checkBroker(ctx context.Context, o mqtt.Options, h configs.HomeAssistant) (unknown []string, problems []error) {
	if err := mqtt.TryConnect(ctx, o); err != nil {
		return nil, []error{err}
	}
	unknown, problems, err := checkPermissions(ctx, o, h)
	switch {
	case errors.Is(err, mqtt.ErrReadLimit):
		problems = append(problems, err)
	case err != nil:
		problems = append(problems, &collectors.RemedyError{
			Err:    fmt.Errorf("connected, but checking the permissions failed: %w", err),
			Remedy: "see the broker's log, then run the check again",
		})
	}
	return unknown, problems
}

func checkPermissions(ctx context.Context, o mqtt.Options, h configs.HomeAssistant) (unknown []string, problems []error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := newProbe(ctx, o, mqtt5)
	if errors.Is(err, errUnsupportedVersion) {
		p, err = newProbe(ctx, o, mqtt311)
	}
	if err != nil {
		return nil, nil, err
	}
	defer p.close()
	c := &permissions{
		probe: p, username: o.Settings.Username, discovery: h.Discovery,
		topics: discovery.Topics{Base: o.Settings.BaseTopic, Prefix: h.Prefix}, marker: rand.Text(),
	}
	if err := c.find(ctx); err != nil {
		return nil, nil, err
	}
	return c.unknown, c.problems(), nil
}

// permissions are the topics that a broker permits.
type permissions struct {
	*probe
	username  string
	discovery bool
	topics    discovery.Topics
	marker    string // the payload of all messages

	unwritable, unreadable, unclear []string // topics
	unknown                         []string // for which reading cannot be checked
}

// filters returns what the bridge subscribes to.
func (c *permissions) filters() []string {
	filters := []string{c.topics.RequestFilter(), c.topics.BridgeDevices(), c.topics.BridgeInfo()}
	if c.discovery {
		filters = append(filters, c.topics.Birth())
	}
	return filters
}

// minHold is the minimum wait for a message that must not arrive.
const minHold = 200 * time.Millisecond

// checkDevice is the id of a device that does not exist.
const checkDevice = "hueair2mqtt_check"

// realTopics returns topics on which the bridge publishes, one of each form.
func (c *permissions) realTopics() []string {
	t := c.topics
	topics := append([]string{t.BridgeState(), t.BridgeInfo(), t.BridgeDevices(), t.Problem("check")}, c.quietTopics()...)
	if c.discovery {
		topics[len(topics)-1] = t.Config(t.BridgeID())
	}
	return topics
}

// quietTopics returns similar topics without subscribers. Home Assistant subscribes
// to no topic under its prefix that does not end in config.
func (c *permissions) quietTopics() []string {
	t := c.topics
	topics := []string{t.State(checkDevice), t.Availability(checkDevice), t.Response(mqtt.RequestCheck)}
	if c.discovery {
		topics = append(topics, c.quietAnnouncement())
	}
	return topics
}

func (c *permissions) quietAnnouncement() string {
	return strings.TrimSuffix(c.topics.Config(checkDevice), "config") + "check"
}

func (c *permissions) find(ctx context.Context) error {
	quiet := c.quietTopics()
	refused, err := c.subscribe(ctx, append(c.filters(), quiet...)...)
	if err != nil {
		return err
	}
	needed := make(map[string]bool)
	for _, f := range c.filters() {
		needed[f] = true
	}
	for _, f := range refused {
		if needed[f] {
			c.unreadable = append(c.unreadable, f)
		}
	}
	withheld, err := c.findReading(ctx)
	if err != nil {
		return err
	}
	if c.version == mqtt5 {
		if err := c.findBirth(ctx); err != nil {
			return err
		}
	}
	if withheld && len(c.realTopics()) < int(c.quota) {
		return c.findWriting(ctx, c.realTopics(), 2)
	}
	return c.findWriting(ctx, quiet, 1)
}

// findReading sends a request that every bridge ignores, and reports whether the broker
// holds a message of QoS 2 until it is released.
func (c *permissions) findReading(ctx context.Context) (withheld bool, err error) {
	filter, topic := c.topics.RequestFilter(), c.topics.Request(mqtt.RequestCheck)
	began := time.Now()
	arrived, code, err := c.deliver(ctx, topic, c.marker)
	switch {
	case err != nil:
		return false, err
	case arrived && c.holds:
		return c.holdsBack(ctx, topic, time.Since(began))
	case arrived, slices.Contains(c.unreadable, filter):
	case code >= mqttFailure:
		c.unknown = append(c.unknown, filter) // others may send requests
	case c.version == mqtt5:
		c.unreadable = append(c.unreadable, filter)
	default:
		c.unclear = append(c.unclear, topic)
	}
	return false, nil
}

// holdsBack sends a message of QoS 2 that would usually be back within a time, and
// reports whether it arrives when it is released, and not long before.
func (c *permissions) holdsBack(ctx context.Context, topic string, usual time.Duration) (bool, error) {
	payload := c.marker + " held back"
	id, code, err := c.publish(ctx, topic, payload, 2)
	if err != nil || code >= mqttFailure {
		return false, err
	}
	early, err := c.awaitMessage(ctx, topic, payload, min(max(10*usual, minHold), echoTimeout))
	if err != nil || early {
		return false, err
	}
	if err := c.release(ctx, id); err != nil {
		return false, err
	}
	return c.awaitMessage(ctx, topic, payload, echoTimeout)
}

// findBirth finds out whether Home Assistant's birth message would arrive. Only if
// reading below its prefix is in doubt, it sends a message on that very topic, with a
// payload that has no meaning.
func (c *permissions) findBirth(ctx context.Context) error {
	birth := c.topics.Birth()
	if !c.discovery || slices.Contains(c.unreadable, birth) {
		return nil
	}
	for _, topic := range []string{c.quietAnnouncement(), birth} {
		arrived, code, err := c.deliver(ctx, topic, c.marker)
		if err != nil || arrived {
			return err
		}
		switch {
		case topic != birth:
		case code >= mqttFailure:
			c.unknown = append(c.unknown, birth)
		default:
			c.unreadable = append(c.unreadable, birth)
		}
	}
	return nil
}

// findWriting publishes on topics. In MQTT 3.1.1 only a message that returns shows
// that it was accepted.
func (c *permissions) findWriting(ctx context.Context, topics []string, qos byte) error {
	for _, topic := range topics {
		_, code, err := c.publish(ctx, topic, c.marker, qos)
		switch {
		case err != nil && c.version == mqtt311 && ctx.Err() == nil:
			// Some brokers close the connection of a client that sends a forbidden message.
			c.unwritable = append(c.unwritable, topic)
			return nil
		case err != nil:
			return err
		case code >= mqttFailure:
			c.unwritable = append(c.unwritable, topic)
		case c.version == mqtt311:
			arrived, err := c.awaitMessage(ctx, topic, c.marker, echoTimeout)
			if err != nil {
				return err
			}
			if !arrived {
				c.unclear = append(c.unclear, topic)
			}
		}
	}
	return nil
}

// problems returns an error with a remedy for each kind of missing permission.
func (c *permissions) problems() (problems []error) {
	add := func(remedy, format string, args ...any) {
		problems = append(problems, &collectors.RemedyError{Err: fmt.Errorf(format, args...), Remedy: remedy})
	}
	who := "an anonymous client"
	if c.username != "" {
		who = fmt.Sprintf("the user %q", c.username)
	}
	rules := fmt.Sprintf(`"topic readwrite %s/#"`, c.topics.Base)
	if c.discovery {
		rules += fmt.Sprintf(`, "topic readwrite %s/device/#", "topic read %s"`, c.topics.Prefix, c.topics.Birth())
	}
	remedy := fmt.Sprintf("allow that for %s in the broker's access rules; in Mosquitto's acl_file: %s", who, rules)
	if len(c.unwritable) > 0 {
		add(remedy, "connected, but %s may not publish on %s", who, strings.Join(c.unwritable, ", "))
	}
	if len(c.unreadable) > 0 {
		add(remedy, "connected, but %s may not subscribe to %s", who, strings.Join(c.unreadable, ", "))
	}
	if len(c.unclear) > 0 {
		add(remedy, "connected, but %s may not publish on %s, or may not subscribe to it: a message did not return",
			who, strings.Join(c.unclear, ", "))
	}
	if !c.retains {
		add("allow retained messages; in Mosquitto: retain_available true",
			"connected, but the broker keeps no retained messages, so Home Assistant knows nothing after a restart")
	}
	return problems
}
