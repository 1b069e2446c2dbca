//go:build faults && linux

package faults

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/dns/dnsmessage"
)

// Modes of the name server.
const (
	namesKnown   = iota // every name below .test is 127.0.0.1
	namesSilent         // no answer
	namesFailing        // SERVFAIL
	namesUnknown        // NXDOMAIN
)

// names is the mode of the name server. Only its tests use a host name.
var names atomic.Int32

// startNames starts the name server of all processes, by means of a resolv.conf of their own.
func startNames(dir string) (stop func(), err error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver 127.0.0.1\noptions timeout:1 attempts:2\n"), 0o644); err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	if err := syscall.Mount(file, target, "", syscall.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mounting over %s: %w", target, err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := answerName(buffer[:n]); answer != nil {
				_, _ = conn.WriteTo(answer, from) // who asked may be gone
			}
		}
	})
	return func() { conn.Close(); serving.Wait() }, nil
}

// answerName answers one question; nil means no response.
func answerName(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	isTest := len(q.Name.String()) > 6 && q.Name.String()[len(q.Name.String())-6:] == ".test."
	switch mode := names.Load(); {
	case mode == namesSilent:
		return nil
	case mode == namesFailing:
		m.RCode = dnsmessage.RCodeServerFailure
	case mode == namesUnknown, !isTest:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}
