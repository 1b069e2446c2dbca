package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// CheckBroker finds out whether the broker lets the bridge do its work: connect,
// publish and subscribe on the topics that it needs. problems are what is wrong,
// each with its remedy (see collectors.RemedyOf). unseen are topics of which it can't
// be told whether what comes there would reach the bridge.
//
// A broker that forbids a message drops it without a word in MQTT 3.1.1, and one
// that forbids reading grants the subscription and sends nothing. So permission
// is seen by what happens:
//
//   - In MQTT 5 the broker answers each message with a reason code.
//   - A message of QoS 2 is delivered when its sender releases it. Those on the
//     bridge's real topics, Home Assistant's among them, are never released, and
//     the broker forgets them when the probe says goodbye. The standard lets a
//     broker deliver them at once, too; whether it does is seen first with a
//     message on a topic that is only ours.
//   - Reading is proved by a message that comes back, if the bridge may also write
//     there, which it need not.
//
// With a broker that delivers at once or knows no MQTT 5 only topics that nobody
// listens to are tried. Nothing is retained anywhere.
func CheckBroker(ctx context.Context, o Options) (unseen []string, problems []error) {
	client, err := connectOnce(ctx, o, "check", func(error) {})
	if err != nil {
		return nil, []error{err}
	}
	client.Disconnect(250)
	unseen, problems, err = checkPermissions(ctx, o)
	switch {
	case errors.Is(err, errTooMuch):
		problems = append(problems, err)
	case err != nil:
		problems = append(problems, &collectors.RemedyError{
			Err:    fmt.Errorf("connected, but what the broker permits could not be found out: %w", err),
			Remedy: "see what the broker's log says, then run the check again",
		})
	}
	return unseen, problems
}

func checkPermissions(ctx context.Context, o Options) (unseen []string, problems []error, err error) {
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
	c := &permissions{probe: p, options: o, topics: o.topics(), marker: rand.Text()}
	if err := c.find(ctx); err != nil {
		return nil, nil, err
	}
	return c.unseen, c.problems(), nil
}

// permissions are what a broker permits.
type permissions struct {
	*probe
	options Options
	topics  discovery.Topics
	marker  string // the payload of all messages

	unwritable, unreadable, unclear []string // topics
	unseen                          []string // of which reading can't be told
}

// need is what the bridge subscribes to.
func (c *permissions) need() []string {
	filters := []string{c.topics.RequestFilter(), c.topics.BridgeDevices(), c.topics.BridgeInfo()}
	if c.options.HomeAssistant.Discovery {
		filters = append(filters, c.topics.Birth())
	}
	return filters
}

// minHold is how long a message that must not come is waited for at least.
const minHold = 200 * time.Millisecond

// checkDevice is the id of a device that there is not.
const checkDevice = "hueair2mqtt_check"

// realTopics are those that the bridge publishes on, an example for each shape.
func (c *permissions) realTopics() []string {
	t := c.topics
	topics := append([]string{t.BridgeState(), t.BridgeInfo(), t.BridgeDevices(), t.Problem("check")}, c.quietTopics()...)
	if c.options.HomeAssistant.Discovery {
		topics[len(topics)-1] = t.Config(t.BridgeID())
	}
	return topics
}

// quietTopics are under the same heads and nobody listens to them. Home Assistant
// subscribes to no topic under its prefix that does not end in config.
func (c *permissions) quietTopics() []string {
	t := c.topics
	topics := []string{t.State(checkDevice), t.Availability(checkDevice), t.Response(RequestCheck)}
	if c.options.HomeAssistant.Discovery {
		topics = append(topics, c.quietAnnouncement())
	}
	return topics
}

func (c *permissions) quietAnnouncement() string {
	return strings.TrimSuffix(c.topics.Config(checkDevice), "config") + "check"
}

func (c *permissions) find(ctx context.Context) error {
	quiet := c.quietTopics()
	refused, err := c.subscribe(ctx, append(c.need(), quiet...)...)
	if err != nil {
		return err
	}
	needed := make(map[string]bool)
	for _, f := range c.need() {
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

// findReading sends a request that every bridge ignores, and says whether the
// broker keeps a message of QoS 2 until it is released.
func (c *permissions) findReading(ctx context.Context) (withheld bool, err error) {
	filter, topic := c.topics.RequestFilter(), c.topics.Request(RequestCheck)
	began := time.Now()
	came, code, err := c.deliver(ctx, topic, c.marker)
	switch {
	case err != nil:
		return false, err
	case came && c.holds:
		return c.holdsBack(ctx, topic, time.Since(began))
	case came, slices.Contains(c.unreadable, filter):
	case code >= mqttFailure:
		c.unseen = append(c.unseen, filter) // writing requests is for others
	case c.version == mqtt5:
		c.unreadable = append(c.unreadable, filter)
	default:
		c.unclear = append(c.unclear, topic)
	}
	return false, nil
}

// holdsBack sends a message of QoS 2 that would be back within usual, and says
// whether it comes when it is released, and not long before.
func (c *permissions) holdsBack(ctx context.Context, topic string, usual time.Duration) (bool, error) {
	payload := c.marker + " held back"
	id, code, err := c.publish(ctx, topic, payload, 2)
	if err != nil || code >= mqttFailure {
		return false, err
	}
	early, err := c.hears(ctx, topic, payload, min(max(10*usual, minHold), echoTimeout))
	if err != nil || early {
		return false, err
	}
	if err := c.release(ctx, id); err != nil {
		return false, err
	}
	return c.hears(ctx, topic, payload, echoTimeout)
}

// findBirth finds out whether Home Assistant's birth message would come. Only where
// reading below its prefix is in doubt is a message sent on that very topic, with
// a payload that means nothing to anybody.
func (c *permissions) findBirth(ctx context.Context) error {
	birth := c.topics.Birth()
	if !c.options.HomeAssistant.Discovery || slices.Contains(c.unreadable, birth) {
		return nil
	}
	for _, topic := range []string{c.quietAnnouncement(), birth} {
		came, code, err := c.deliver(ctx, topic, c.marker)
		if err != nil || came {
			return err
		}
		switch {
		case topic != birth:
		case code >= mqttFailure:
			c.unseen = append(c.unseen, birth)
		default:
			c.unreadable = append(c.unreadable, birth)
		}
	}
	return nil
}

// findWriting tries topics. What comes back was written; in MQTT 3.1.1 nothing
// else shows it.
func (c *permissions) findWriting(ctx context.Context, topics []string, qos byte) error {
	for _, topic := range topics {
		_, code, err := c.publish(ctx, topic, c.marker, qos)
		switch {
		case err != nil && c.version == mqtt311 && ctx.Err() == nil:
			// Some brokers end the connection of whoever sends what is forbidden.
			c.unwritable = append(c.unwritable, topic)
			return nil
		case err != nil:
			return err
		case code >= mqttFailure:
			c.unwritable = append(c.unwritable, topic)
		case c.version == mqtt311:
			came, err := c.hears(ctx, topic, c.marker, echoTimeout)
			if err != nil {
				return err
			}
			if !came {
				c.unclear = append(c.unclear, topic)
			}
		}
	}
	return nil
}

// problems puts what was found into words.
func (c *permissions) problems() (problems []error) {
	add := func(remedy, format string, args ...any) {
		problems = append(problems, &collectors.RemedyError{Err: fmt.Errorf(format, args...), Remedy: remedy})
	}
	who := "a client without a name"
	if c.options.MQTT.Username != "" {
		who = fmt.Sprintf("the user %q", c.options.MQTT.Username)
	}
	rules := fmt.Sprintf(`"topic readwrite %s/#"`, c.topics.Base)
	if c.options.HomeAssistant.Discovery {
		rules += fmt.Sprintf(`, "topic readwrite %s/device/#", "topic read %s"`, c.topics.Prefix, c.topics.Birth())
	}
	remedy := fmt.Sprintf("let %s do that in the broker's access rules; in Mosquitto's acl_file: %s", who, rules)
	if len(c.unwritable) > 0 {
		add(remedy, "connected, but %s may not publish on %s", who, strings.Join(c.unwritable, ", "))
	}
	if len(c.unreadable) > 0 {
		add(remedy, "connected, but %s may not subscribe to %s", who, strings.Join(c.unreadable, ", "))
	}
	if len(c.unclear) > 0 {
		add(remedy, "connected, but %s may not publish on %s, or not subscribe to it: a message did not come back",
			who, strings.Join(c.unclear, ", "))
	}
	if !c.retains {
		add("allow retained messages; in Mosquitto: retain_available true",
			"connected, but the broker keeps no retained messages, so that Home Assistant knows nothing after its restart")
	}
	return problems
}
