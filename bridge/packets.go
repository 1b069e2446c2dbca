package bridge

import (
	"errors"
	"fmt"
	"net"
)

// MQTT 3.1.1, 2.2.1: the types of the packets that a broker sends to this program.
const (
	typeConnack  = 2
	typePublish  = 3
	typePuback   = 4
	typeSuback   = 9
	typeUnsuback = 11
	typePingresp = 13

	typeDisconnect = 14 // of a broker only by MQTT 5; some send it nevertheless
)

// maxPublish bounds a message that a broker sends, in bytes with its topic.
const maxPublish = maxRememberedSize + 64<<10

// errNotMQTT says that a broker sent what none may send to this program.
var errNotMQTT = errors.New("the broker sent what is no MQTT 3.1.1: is mqtt.broker the address of an MQTT broker?")

// errBrokerEnded says that a broker took its leave.
var errBrokerEnded = errors.New("the broker ended the connection; the broker's own log says why")

// policed is a connection to a broker that ends when the broker breaks the rules.
// Paho believes a packet's length before a byte of it has come, 256 MiB for five
// bytes, and indexes a list with what a SUBACK says, which ends the process.
type policed struct {
	net.Conn
	broken func(error)
	header []byte // of the packet that has begun: its type, then its length so far
	body   int    // bytes of the packet that are still to come
}

func (c *policed) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if violation := c.look(p[:n]); violation != nil {
		c.broken(violation)
		return 0, violation
	}
	return n, err
}

// look follows the packets through what was read.
func (c *policed) look(read []byte) error {
	for len(read) > 0 {
		if c.body > 0 {
			n := min(c.body, len(read))
			c.body -= n
			read = read[n:]
			continue
		}
		c.header = append(c.header, read[0])
		read = read[1:]
		if len(c.header) == 1 {
			continue
		}
		const more, mostDigits = 0x80, 4 // MQTT 3.1.1, 2.2.3
		if c.header[len(c.header)-1]&more != 0 {
			if len(c.header) > mostDigits {
				return errNotMQTT
			}
			continue
		}
		length := 0
		for i, digit := range c.header[1:] {
			length |= int(digit&^more) << (7 * i)
		}
		if err := allowed(c.header[0], length); err != nil {
			return err
		}
		c.header, c.body = c.header[:0], length
	}
	return nil
}

// allowed says what is wrong with a packet. The program subscribes to one filter at
// a time and at QoS 1, from which the lengths follow.
func allowed(first byte, length int) error {
	want := 0
	switch first >> 4 {
	case typePublish:
		if qos := first >> 1 & 3; qos > 1 {
			return errNotMQTT
		}
		if length > maxPublish {
			return fmt.Errorf("the broker announced a message of %d bytes, and no more than %d are taken", length, maxPublish)
		}
		return nil
	case typeConnack, typePuback, typeUnsuback:
		want = 2
	case typeSuback:
		want = 3
	case typePingresp:
	case typeDisconnect:
		return errBrokerEnded
	default:
		return errNotMQTT
	}
	if length != want {
		return errNotMQTT
	}
	return nil
}
