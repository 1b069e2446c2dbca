package pairing

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// askEvery is the interval between queries; the first may be lost.
const askEvery = time.Second

// multicastInterfaces returns the interfaces that can multicast.
func multicastInterfaces() ([]*ipv4.ControlMessage, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var via []*ipv4.ControlMessage
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 {
			via = append(via, &ipv4.ControlMessage{IfIndex: i.Index})
		}
	}
	if len(via) == 0 {
		return nil, errors.New("no network interface supports multicast")
	}
	return via, nil
}

// multicast sends a query to a group via each interface, once a second until ctx is done,
// and calls receive for each response. It returns an error if no interface can send.
//
// It sends from an ephemeral port, to which the responses come, so it does not conflict
// with the system's services.
func multicast(ctx context.Context, group net.Addr, via []*ipv4.ControlMessage, query func() ([]byte, error), receive func(response []byte, from netip.Addr)) error {
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer socket.Close()
	conn := ipv4.NewPacketConn(socket)
	stop := context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	buf := make([]byte, 9000) // the max length of a multicast DNS packet
	for {
		packet, err := query()
		if err != nil {
			return err
		}
		if err := send(conn, group, via, packet); err != nil {
			return err
		}
		if err := socket.SetReadDeadline(time.Now().Add(askEvery)); err != nil {
			return err
		}
		// ctx may have been done before the deadline was set.
		for ctx.Err() == nil {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				break
			}
			receive(buf[:n], from.Addr().Unmap())
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// send sends a packet via each interface. It returns an error if all fail.
func send(conn *ipv4.PacketConn, group net.Addr, via []*ipv4.ControlMessage, packet []byte) error {
	sent := false
	var failure error
	for _, i := range via {
		if _, err := conn.WriteTo(packet, i, group); err != nil {
			failure = err
			continue
		}
		sent = true
	}
	if !sent {
		return fmt.Errorf("send the query: %w", failure)
	}
	return nil
}
