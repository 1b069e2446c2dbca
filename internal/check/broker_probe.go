package check

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/configs"
)

const (
	mqtt311 = 4
	mqtt5   = 5

	// mqttFailure is the smallest code of a refusal, as a reason code of MQTT 5 and as a
	// return code of SUBACK in MQTT 3.1.1.
	mqttFailure = 0x80

	// echoTimeout is how long a message from this client may take back to it.
	echoTimeout = 2 * time.Second

	// maxMarker is the maximum size of the payloads of this client's messages, in bytes.
	maxMarker = 64

	// maxUnasked is the maximum number of messages that are kept for later.
	maxUnasked = 1000

	// maxPacket is the maximum size of a packet, in bytes. The largest retained message
	// of the bridge is its list of devices.
	maxPacket = 4<<20 + 1<<10

	// keepAlive is the keep-alive of the connection, in seconds.
	keepAlive = 30
)

// errUnsupportedVersion reports a broker without MQTT 5.
var errUnsupportedVersion = errors.New("the broker does not support MQTT 5")

// probe is an MQTT client for finding out what a broker permits. Ordinary clients
// cannot do that: they release messages by themselves and hide the reason codes of
// MQTT 5.
//
// One goroutine uses it; a second one reads.
type probe struct {
	conn    net.Conn
	version byte
	lastID  uint16
	unasked []packets.Packet // messages that arrived before they were waited for
	retains bool             // the broker keeps retained messages
	quota   uint16           // maximum number of unreleased messages
	holds   bool             // QoS 2 is supported; its release can be omitted

	incoming chan packets.Packet
	readErr  error // why incoming is closed
}

// newProbe connects with this version of MQTT. The connection ends with ctx.
func newProbe(ctx context.Context, o mqtt.Options, version byte) (*probe, error) {
	conn, err := mqtt.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	p := &probe{conn: conn, version: version, incoming: make(chan packets.Packet, 16)}
	go p.read(ctx)
	if err := p.connect(ctx, o.Settings); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// close disconnects, so that the broker forgets unreleased messages, and waits for the
// reading goroutine.
func (p *probe) close() {
	_ = p.send(p.packet(packets.Disconnect, 0).DisconnectEncode) // closing the connection does the same
	p.conn.Close()
	for range p.incoming {
	}
}

func (p *probe) connect(ctx context.Context, m configs.MQTT) error {
	pk := p.packet(packets.Connect, 0)
	pk.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), ClientIdentifier: mqtt.UniqueID("probe"), Clean: true, Keepalive: keepAlive,
		UsernameFlag: m.Username != "", Username: []byte(m.Username),
		PasswordFlag: m.Username != "", Password: []byte(m.Password.Reveal()),
	}
	answer, err := p.ask(ctx, pk.ConnectEncode, packets.Connack, 0)
	switch {
	case p.version == mqtt5 && err != nil && ctx.Err() == nil:
		return errUnsupportedVersion // older brokers close the connection
	case err != nil:
		return err
	case p.version == mqtt5 && (answer.ReasonCode == packets.ErrUnsupportedProtocolVersion.Code ||
		answer.ReasonCode == packets.Err3UnsupportedProtocolVersion.Code):
		return errUnsupportedVersion
	case answer.ReasonCode != 0:
		return fmt.Errorf("the broker refused a second connection (code 0x%02x)", answer.ReasonCode)
	}
	p.retains = !answer.Properties.RetainAvailableFlag || answer.Properties.RetainAvailable != 0
	p.holds = p.version == mqtt5 && (!answer.Properties.MaximumQosFlag || answer.Properties.MaximumQos == 2)
	p.quota = answer.Properties.ReceiveMaximum
	if p.quota == 0 {
		p.quota = 65535 // MQTT 5, 3.2.2.3.3
	}
	return nil
}

// subscribe subscribes to filters at QoS 0 and returns those that are refused.
func (p *probe) subscribe(ctx context.Context, filters ...string) (refused []string, err error) {
	pk := p.packet(packets.Subscribe, 1)
	for _, f := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: f})
	}
	answer, err := p.ask(ctx, pk.SubscribeEncode, packets.Suback, pk.PacketID)
	if err != nil {
		return nil, err
	}
	for i, code := range answer.ReasonCodes {
		if i < len(filters) && code >= mqttFailure {
			refused = append(refused, filters[i])
		}
	}
	return refused, nil
}

// publish sends a message that is not retained and returns the broker's reason code,
// which is always 0 in MQTT 3.1.1. A message of QoS 2 is not released.
func (p *probe) publish(ctx context.Context, topic, payload string, qos byte) (id uint16, code byte, err error) {
	pk := p.packet(packets.Publish, qos)
	pk.TopicName, pk.Payload = topic, []byte(payload)
	wanted := packets.Puback
	if qos == 2 {
		wanted = packets.Pubrec
	}
	answer, err := p.ask(ctx, pk.PublishEncode, wanted, pk.PacketID)
	return pk.PacketID, answer.ReasonCode, err
}

// deliver sends a message that the broker delivers immediately. It reports whether it
// returned, and the broker's reason code.
func (p *probe) deliver(ctx context.Context, topic, payload string) (arrived bool, code byte, err error) {
	_, code, err = p.publish(ctx, topic, payload, 1)
	if err != nil || code >= mqttFailure {
		return false, code, err
	}
	arrived, err = p.awaitMessage(ctx, topic, payload, echoTimeout)
	return arrived, code, err
}

// release lets the broker deliver a message of QoS 2.
func (p *probe) release(ctx context.Context, id uint16) error {
	pk := p.packet(packets.Pubrel, 1)
	pk.PacketID = id
	_, err := p.ask(ctx, pk.PubrelEncode, packets.Pubcomp, id)
	return err
}

// awaitMessage reports whether a message arrives within a time, or has arrived before.
func (p *probe) awaitMessage(ctx context.Context, topic, payload string, within time.Duration) (bool, error) {
	is := func(got packets.Packet) bool {
		return got.FixedHeader.Type == packets.Publish && got.TopicName == topic && string(got.Payload) == payload
	}
	for _, got := range p.unasked {
		if is(got) {
			return true, nil
		}
	}
	_, err := p.await(ctx, within, is)
	if errors.Is(err, errNoMessage) {
		return false, nil
	}
	return err == nil, err
}

// errNoMessage ends a wait without a packet.
var errNoMessage = errors.New("nothing arrived")

// await waits for a packet, for a limited time unless within is 0.
func (p *probe) await(ctx context.Context, within time.Duration, wanted func(packets.Packet) bool) (packets.Packet, error) {
	var over <-chan time.Time
	if within > 0 {
		timer := time.NewTimer(within)
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case got, ok := <-p.incoming:
			switch {
			case !ok && ctx.Err() != nil:
				return packets.Packet{}, context.Cause(ctx)
			case !ok:
				return packets.Packet{}, p.readErr
			case wanted(got):
				return got, nil
			case got.FixedHeader.Type == packets.Publish && len(got.Payload) <= maxMarker && len(p.unasked) < maxUnasked:
				p.unasked = append(p.unasked, got)
			}
		case <-over:
			return packets.Packet{}, errNoMessage
		case <-ctx.Done():
			return packets.Packet{}, context.Cause(ctx)
		}
	}
}

// packet returns a packet with an id of its own.
func (p *probe) packet(kind, qos byte) *packets.Packet {
	p.lastID++
	return &packets.Packet{ProtocolVersion: p.version, FixedHeader: packets.FixedHeader{Type: kind, Qos: qos}, PacketID: p.lastID}
}

// ask sends a packet and waits for the answer of this type and, unless it is 0, with
// this id.
func (p *probe) ask(ctx context.Context, encode func(*bytes.Buffer) error, kind byte, id uint16) (packets.Packet, error) {
	if err := p.send(encode); err != nil {
		return packets.Packet{}, err
	}
	return p.await(ctx, 0, func(got packets.Packet) bool {
		return got.FixedHeader.Type == kind && (id == 0 || got.PacketID == id)
	})
}

func (p *probe) send(encode func(*bytes.Buffer) error) error {
	var buffer bytes.Buffer
	if err := encode(&buffer); err != nil {
		return err
	}
	_, err := p.conn.Write(buffer.Bytes())
	return err
}

// read reads packets until the connection ends.
func (p *probe) read(ctx context.Context) {
	defer close(p.incoming)
	in := bufio.NewReader(p.conn)
	for {
		pk, err := readPacket(in, p.version)
		if errors.Is(err, mqtt.ErrReadLimit) {
			p.readErr = err
			return
		}
		if err != nil {
			p.readErr = fmt.Errorf("the broker closed the connection: %w", err)
			return
		}
		select {
		case p.incoming <- pk:
		case <-ctx.Done():
			p.readErr = context.Cause(ctx)
			return
		}
	}
}

func readPacket(in *bufio.Reader, version byte) (pk packets.Packet, err error) {
	first, err := in.ReadByte()
	if err != nil {
		return pk, err
	}
	pk.ProtocolVersion = version
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining, _, err = packets.DecodeLength(in); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining > maxPacket {
		return pk, errors.New("a packet is too large")
	}
	body := make([]byte, pk.FixedHeader.Remaining)
	if _, err := io.ReadFull(in, body); err != nil {
		return pk, err
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		if len(body) == 2 {
			pk.ProtocolVersion = mqtt311 // older brokers refuse MQTT 5 like this
		}
		err = pk.ConnackDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
		pk.Properties = packets.Properties{} // they take far more memory than on the wire
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Pubrec:
		err = pk.PubrecDecode(body)
	case packets.Pubcomp:
		err = pk.PubcompDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Disconnect:
		err = io.EOF
	}
	return pk, err
}
