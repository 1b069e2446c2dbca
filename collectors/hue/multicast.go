package hue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// askEvery is the time between two questions; the first may be lost.
const askEvery = time.Second

// multicastWays are the interfaces that can multicast.
func multicastWays() ([]*ipv4.ControlMessage, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var ways []*ipv4.ControlMessage
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 {
			ways = append(ways, &ipv4.ControlMessage{IfIndex: i.Index})
		}
	}
	if len(ways) == 0 {
		return nil, errors.New("no network that can multicast")
	}
	return ways, nil
}

// query sends a question to a group through each of the ways, once a second until
// ctx ends, and calls hear for each answer. It fails if it can ask by none of them.
//
// It asks from a port of its own, to which the answers come: so it needs none that
// the system's services have, and leaves nothing behind.
func query(ctx context.Context, group net.Addr, ways []*ipv4.ControlMessage, question func() ([]byte, error), hear func(answer []byte, from netip.Addr)) error {
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer socket.Close()
	conn := ipv4.NewPacketConn(socket)
	stop := context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	buf := make([]byte, 9000) // as long as a packet of multicast DNS may be
	for {
		packet, err := question()
		if err != nil {
			return err
		}
		if err := send(conn, group, ways, packet); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := socket.SetReadDeadline(time.Now().Add(askEvery)); err != nil {
			return err
		}
		// ctx may have ended between the two.
		for ctx.Err() == nil {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				break
			}
			hear(buf[:n], from.Addr().Unmap())
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// send sends a packet through each of the ways that works.
func send(conn *ipv4.PacketConn, group net.Addr, ways []*ipv4.ControlMessage, packet []byte) error {
	sent := false
	var failure error
	for _, way := range ways {
		if _, err := conn.WriteTo(packet, way, group); err != nil {
			failure = err
			continue
		}
		sent = true
	}
	if !sent {
		return fmt.Errorf("asking: %w", failure)
	}
	return nil
}
