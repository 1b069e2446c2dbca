package pairing

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
)

// mdnsService is the service type of Hue bridges.
const mdnsService = "_hue._tcp.local."

// mdnsGroup is the multicast group of mDNS (RFC 6762).
var mdnsGroup = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// Limits of what is recorded of the responses, and of the queries.
const (
	maxResponders = 256
	maxInstances  = 32 // of one responder, and as many addresses
	maxQuestions  = 64 // in one packet, about instances
)

// findByMDNS browses all networks by mDNS until ctx is done.
func findByMDNS(ctx context.Context, found func(Found)) error {
	via, err := multicastInterfaces()
	if err != nil {
		return err
	}
	return mdns(ctx, mdnsGroup, via, found)
}

// mdns browses a group as a one-shot querier (RFC 6762, 5.1).
func mdns(ctx context.Context, group net.Addr, via []*ipv4.ControlMessage, found func(Found)) error {
	b := &browser{found: found, responders: make(map[netip.Addr]*responder)}
	return multicast(ctx, group, via, b.query, b.receive)
}

// browser collects the records of the responses, which may come in any order and in
// several packets. The records of each responder are kept apart, so that none can replace
// another's.
type browser struct {
	found      func(Found)
	responders map[netip.Addr]*responder
}

// responder is a bridge, or a repeater of several.
type responder struct {
	address   netip.Addr
	instances map[dnsmessage.Name]*instance
	addresses map[string]netip.Addr // by host
}

// instance is one bridge.
type instance struct {
	text     map[string]string // nil until it is known
	host     string
	port     int
	reported Found
}

// query asks for the service, and for the missing records of its instances.
func (b *browser) query() ([]byte, error) {
	questions := []dnsmessage.Question{question(dnsmessage.MustNewName(mdnsService), dnsmessage.TypePTR)}
	for _, r := range b.responders {
		for name, i := range r.instances {
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

// receive handles one packet.
func (b *browser) receive(packet []byte, from netip.Addr) {
	var message dnsmessage.Message
	if message.Unpack(packet) != nil || !message.Response {
		return
	}
	r := b.responders[from]
	if r == nil {
		if len(b.responders) == maxResponders {
			return
		}
		r = &responder{from, make(map[dnsmessage.Name]*instance), make(map[string]netip.Addr)}
		b.responders[from] = r
	}
	r.add(append(message.Answers, message.Additionals...))
	for _, i := range r.instances {
		if i.text == nil {
			continue
		}
		f := Found{ID: i.text["bridgeid"], Model: i.text["modelid"], Host: joinHost(r.addressOf(i).String(), i.port)}
		if f != i.reported {
			i.reported = f
			b.found(f)
		}
	}
}

func (r *responder) add(records []dnsmessage.Resource) {
	for _, record := range records {
		switch body := record.Body.(type) {
		case *dnsmessage.PTRResource:
			name := body.PTR
			if strings.EqualFold(record.Header.Name.String(), mdnsService) && r.instances[name] == nil && len(r.instances) < maxInstances {
				r.instances[name] = &instance{}
			}
		case *dnsmessage.AResource:
			if len(r.addresses) < maxInstances {
				r.addresses[strings.ToLower(record.Header.Name.String())] = netip.AddrFrom4(body.A)
			}
		}
	}
	for _, record := range records {
		i := r.instances[record.Header.Name]
		if i == nil {
			continue
		}
		switch body := record.Body.(type) {
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

// addressOf returns the address of an instance. Without an address record it is the
// responder's. Only this machine may announce a loopback address.
func (r *responder) addressOf(i *instance) netip.Addr {
	address, ok := r.addresses[i.host]
	if !ok || address.IsLoopback() && !r.address.IsLoopback() {
		return r.address
	}
	return address
}
