package bridge

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"hueair2mqtt/collectors"
)

// maxReceived bounds, in bytes, what a command such as "discovery remove" or
// "check" reads from a broker. 1,000 devices make about 5 MB.
const maxReceived = 16 << 20

// errTooMuch is the failure of a connection whose budget is spent.
var errTooMuch = &collectors.RemedyError{
	Err:    errors.New("the broker has sent more than 16 MiB"),
	Remedy: "see what it retains under mqtt.base_topic and homeassistant.prefix, and remove what does not belong there",
}

// budgeted is a connection that ends when more than maxReceived was read from it.
type budgeted struct {
	net.Conn
	left  atomic.Int64
	spent func(error) // called when the budget is spent, maybe more than once
}

func (c *budgeted) Read(p []byte) (int, error) {
	if c.left.Load() <= 0 {
		c.spent(errTooMuch)
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(p)
	c.left.Add(-int64(n))
	return n, err
}

// withBudget gives each connection a budget.
func withBudget(dial dialFunc, spent func(error)) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &budgeted{Conn: conn, spent: spent}
		c.left.Store(maxReceived)
		return c, nil
	}
}
