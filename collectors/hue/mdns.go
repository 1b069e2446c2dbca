package hue

import (
	"context"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
)

// mdnsService is what bridges announce themselves as.
const mdnsService = "_hue._tcp.local."

// mdnsGroup is where multicast DNS is asked (RFC 6762).
var mdnsGroup = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// maxInstances bounds how many names are asked about.
const maxInstances = 64

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
	b := &browser{found: found, instances: make(map[dnsmessage.Name]*instance), addresses: make(map[string]net.IP)}
	return query(ctx, group, ways, b.question, b.hear)
}

// browser gathers what the answers tell. Records may come in any order and in
// several packets.
type browser struct {
	found     func(Found)
	instances map[dnsmessage.Name]*instance
	addresses map[string]net.IP // by host
}

// instance is one bridge.
type instance struct {
	text       map[string]string // nil as long as it isn't known
	host       string
	port       int
	answeredBy net.IP
	told       bool
}

// question asks for the service, and for what is missing of its instances.
func (b *browser) question() ([]byte, error) {
	questions := []dnsmessage.Question{question(dnsmessage.MustNewName(mdnsService), dnsmessage.TypePTR)}
	for name, i := range b.instances {
		if i.text == nil {
			questions = append(questions, question(name, dnsmessage.TypeALL))
		}
	}
	message := dnsmessage.Message{Questions: questions}
	return message.Pack()
}

func question(name dnsmessage.Name, kind dnsmessage.Type) dnsmessage.Question {
	return dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}
}

// hear takes one packet.
func (b *browser) hear(packet []byte, from net.IP) {
	var message dnsmessage.Message
	if message.Unpack(packet) != nil || !message.Response {
		return
	}
	records := append(message.Answers, message.Additionals...)
	for _, r := range records {
		switch body := r.Body.(type) {
		case *dnsmessage.PTRResource:
			name := body.PTR
			if strings.EqualFold(r.Header.Name.String(), mdnsService) && b.instances[name] == nil && len(b.instances) < maxInstances {
				b.instances[name] = &instance{answeredBy: from}
			}
		case *dnsmessage.AResource:
			if len(b.addresses) < maxInstances {
				b.addresses[strings.ToLower(r.Header.Name.String())] = net.IP(body.A[:])
			}
		}
	}
	for _, r := range records {
		i := b.instances[r.Header.Name]
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
	for _, i := range b.instances {
		if i.text == nil || i.told {
			continue
		}
		// A bridge answers for itself, should its address be left out.
		address := b.addresses[i.host]
		if address == nil {
			address = i.answeredBy
		}
		i.told = true
		b.found(Found{ID: i.text["bridgeid"], Model: i.text["modelid"], Host: joinHost(address.String(), i.port)})
	}
}
