package hue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
)

// mdnsService is what bridges announce themselves as.
const mdnsService = "_hue._tcp.local."

// mdnsGroup is where multicast DNS is asked (RFC 6762).
var mdnsGroup = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// askEvery is the time between two questions; the first may be lost.
const askEvery = time.Second

// Bounds of what is kept of the answers and asked about.
const (
	maxSenders   = 256
	maxInstances = 32 // of one sender, and as many addresses
	maxQuestions = 64 // in one packet, about instances
)

// browseNetwork asks all interfaces that can multicast which bridges there are,
// until ctx ends.
//
// It asks as a one-shot querier does (RFC 6762, 5.1), from a port of its own, to
// which the answers come: so it needs no part of port 5353, which the system's
// own resolver has, and leaves nothing behind.
func browseNetwork(ctx context.Context, found func(Found)) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	var able []*ipv4.ControlMessage
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 {
			able = append(able, &ipv4.ControlMessage{IfIndex: i.Index})
		}
	}
	if len(able) == 0 {
		return errors.New("no network that can multicast")
	}
	return browse(ctx, mdnsGroup, able, found)
}

// browse asks the group through each of the ways and tells of the answers until
// ctx ends. It fails if it can ask by none of them.
func browse(ctx context.Context, group net.Addr, ways []*ipv4.ControlMessage, found func(Found)) error {
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer socket.Close()
	conn := ipv4.NewPacketConn(socket)
	stop := context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	b := &browser{found: found, senders: make(map[netip.Addr]*sender)}
	buf := make([]byte, 9000) // as long as a packet of multicast DNS may be
	for {
		if err := b.ask(conn, group, ways); err != nil {
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
			b.hear(buf[:n], from.Addr().Unmap())
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// browser gathers what the answers tell. Records may come in any order and in
// several packets. Those of each sender are kept apart, so that none can take the
// place of another's.
type browser struct {
	found   func(Found)
	senders map[netip.Addr]*sender
}

// sender is who answers: a bridge, or a repeater of several.
type sender struct {
	address   netip.Addr
	instances map[dnsmessage.Name]*instance
	addresses map[string]netip.Addr // by host
}

// instance is one bridge.
type instance struct {
	text map[string]string // nil as long as it isn't known
	host string
	port int
	told Found // what was reported of it
}

// ask asks for the service, and for what is missing of its instances.
func (b *browser) ask(conn *ipv4.PacketConn, group net.Addr, ways []*ipv4.ControlMessage) error {
	questions := []dnsmessage.Question{question(dnsmessage.MustNewName(mdnsService), dnsmessage.TypePTR)}
	for _, s := range b.senders {
		for name, i := range s.instances {
			q := question(name, dnsmessage.TypeALL)
			if i.text == nil && len(questions) <= maxQuestions && !slices.Contains(questions, q) {
				questions = append(questions, q)
			}
		}
	}
	message := dnsmessage.Message{Questions: questions}
	packet, err := message.Pack()
	if err != nil {
		return err
	}
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

func question(name dnsmessage.Name, kind dnsmessage.Type) dnsmessage.Question {
	return dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}
}

// hear takes one packet.
func (b *browser) hear(packet []byte, from netip.Addr) {
	var message dnsmessage.Message
	if message.Unpack(packet) != nil || !message.Response {
		return
	}
	s := b.senders[from]
	if s == nil {
		if len(b.senders) == maxSenders {
			return
		}
		s = &sender{from, make(map[dnsmessage.Name]*instance), make(map[string]netip.Addr)}
		b.senders[from] = s
	}
	s.hear(append(message.Answers, message.Additionals...))
	for _, i := range s.instances {
		if i.text == nil {
			continue
		}
		f := Found{ID: i.text["bridgeid"], Model: i.text["modelid"], Host: joinHost(s.addressOf(i).String(), i.port)}
		if f != i.told {
			i.told = f
			b.found(f)
		}
	}
}

func (s *sender) hear(records []dnsmessage.Resource) {
	for _, r := range records {
		switch body := r.Body.(type) {
		case *dnsmessage.PTRResource:
			name := body.PTR
			if strings.EqualFold(r.Header.Name.String(), mdnsService) && s.instances[name] == nil && len(s.instances) < maxInstances {
				s.instances[name] = &instance{}
			}
		case *dnsmessage.AResource:
			if len(s.addresses) < maxInstances {
				s.addresses[strings.ToLower(r.Header.Name.String())] = netip.AddrFrom4(body.A)
			}
		}
	}
	for _, r := range records {
		i := s.instances[r.Header.Name]
		if i == nil {
			continue
		}
		switch body := r.Body.(type) {
		case *dnsmessage.SRVResource:
			i.host, i.port = strings.ToLower(body.Target.String()), int(body.Port)
		case *dnsmessage.TXTResource:
			i.text = make(map[string]string)
			for _, pair := range body.TXT {
				key, value, _ := strings.Cut(pair, "=")
				i.text[strings.ToLower(key)] = value
			}
		}
	}
}

// addressOf returns where an instance is. A bridge answers for itself if it leaves
// its address out, and nobody but this machine speaks of what is on it.
func (s *sender) addressOf(i *instance) netip.Addr {
	address, ok := s.addresses[i.host]
	if !ok || address.IsLoopback() && !s.address.IsLoopback() {
		return s.address
	}
	return address
}
