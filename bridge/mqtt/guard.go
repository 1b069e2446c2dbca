package mqtt

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"hueair2mqtt/collectors"
)

// Types of the packets that a broker sends to this program (MQTT 3.1.1, 2.2.1).
const (
	typeConnack  = 2
	typePublish  = 3
	typePuback   = 4
	typeSuback   = 9
	typeUnsuback = 11
	typePingresp = 13

	typeDisconnect = 14 // MQTT 5 only, but some brokers send it in 3.1.1 too
)

const (
	// maxRememberedSize is the maximum number of bytes read of the previous run's own
	// topics. 10,000 devices take 1 MB.
	maxRememberedSize = 4 << 20

	// maxPublish is the maximum size of a message from the broker, in bytes,
	// including its topic.
	maxPublish = maxRememberedSize + 64<<10

	// maxRead is the maximum number of bytes that a command such as "discovery
	// remove" or "check" reads from a broker. 1,000 devices take about 5 MB.
	maxRead = 16 << 20
)

var (
	errNotMQTT = errors.New("the broker sent data that is not MQTT 3.1.1: is mqtt.broker the address of an MQTT broker?")

	errDisconnected = errors.New("the broker closed the connection; see the broker's log")

	// ErrReadLimit is returned when a command has read too much from a broker.
	ErrReadLimit = &collectors.RemedyError{
		Err:    errors.New("the broker sent more than 16 MiB"),
		Remedy: "see what it retains under mqtt.base_topic and homeassistant.prefix, and remove what does not belong there",
	}
)

// guardedConn is a connection that fails when the broker violates the protocol. Paho
// allocates the announced length of a packet before any of it has arrived (256 MiB for
// five bytes) and panics on a malformed SUBACK.
type guardedConn struct {
	net.Conn
	failed func(error)
	header []byte // type and length so far of the current packet
	body   int    // bytes left of the current packet
}

func (c *guardedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if violation := c.inspect(p[:n]); violation != nil {
		c.failed(violation)
		return 0, violation
	}
	return n, err
}

// inspect follows the packet boundaries through the data.
func (c *guardedConn) inspect(data []byte) error {
	for len(data) > 0 {
		if c.body > 0 {
			n := min(c.body, len(data))
			c.body -= n
			data = data[n:]
			continue
		}
		c.header = append(c.header, data[0])
		data = data[1:]
		if len(c.header) == 1 {
			continue
		}
		const more, maxDigits = 0x80, 4 // MQTT 3.1.1, 2.2.3
		if c.header[len(c.header)-1]&more != 0 {
			if len(c.header) > maxDigits {
				return errNotMQTT
			}
			continue
		}
		length := 0
		for i, digit := range c.header[1:] {
			length |= int(digit&^more) << (7 * i)
		}
		if err := checkPacket(c.header[0], length); err != nil {
			return err
		}
		c.header, c.body = c.header[:0], length
	}
	return nil
}

// checkPacket returns an error if a packet of this length is not allowed. The lengths
// follow from subscribing to one filter at a time, at a QoS of at most 1.
func checkPacket(first byte, length int) error {
	want := 0
	switch first >> 4 {
	case typePublish:
		if qos := first >> 1 & 3; qos > 1 {
			return errNotMQTT
		}
		if length > maxPublish {
			return fmt.Errorf("the broker announced a message of %d bytes; the maximum is %d", length, maxPublish)
		}
		return nil
	case typeConnack, typePuback, typeUnsuback:
		want = 2
	case typeSuback:
		want = 3
	case typePingresp:
	case typeDisconnect:
		return errDisconnected
	default:
		return errNotMQTT
	}
	if length != want {
		return errNotMQTT
	}
	return nil
}

// limitedConn is a connection that fails when more than maxRead bytes were read.
type limitedConn struct {
	net.Conn
	left   atomic.Int64
	failed func(error) // may be called more than once
}

func newLimitedConn(conn net.Conn, failed func(error)) *limitedConn {
	c := &limitedConn{Conn: conn, failed: failed}
	c.left.Store(maxRead)
	return c
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left.Load() <= 0 {
		c.failed(ErrReadLimit)
		return 0, ErrReadLimit
	}
	n, err := c.Conn.Read(p)
	c.left.Add(-int64(n))
	return n, err
}
