package hue

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
)

// mdnsService is what bridges announce themselves as.
const mdnsService = "_hue._tcp.local."

// mdnsGroup is where multicast DNS is asked (RFC 6762).
var mdnsGroup = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// Bounds of what is kept of the answers and asked about.
const (
	maxSenders   = 256
	maxInstances = 32 // of one sender, and as many addresses
	maxQuestions = 64 // in one packet, about instances
)

// browseNetwork asks all interfaces that can multicast which bridges there are,
// until ctx ends.
func browseNetwork(ctx context.Context, found func(Found)) error {
	ways, err := multicastWays()
	if err != nil {
		return err
	}
	return browse(ctx, mdnsGroup, ways, found)
}

// browse asks a group as a one-shot querier does (RFC 6762, 5.1).
func browse(ctx context.Context, group net.Addr, ways []*ipv4.ControlMessage, found func(Found)) error {
	b := &browser{found: found, senders: make(map[netip.Addr]*sender)}
	return query(ctx, group, ways, b.question, b.hear)
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

// question asks for the service, and for what is missing of its instances.
func (b *browser) question() ([]byte, error) {
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
	return message.Pack()
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
