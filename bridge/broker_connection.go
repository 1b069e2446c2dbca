package bridge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"hueair2mqtt/collectors"
)

// maxHandshake bounds the header of the answer that begins a WebSocket, in bytes.
const maxHandshake = 64 << 10

// openConnection opens what MQTT is spoken over: TCP, TLS or a WebSocket.
//
// lifetime is that of the connection. Paho's own WebSocket takes no context, so
// that a server which never answers would hold up the end of the program.
func openConnection(ctx, lifetime context.Context, broker *url.URL, o mqtt.ClientOptions, dial dialFunc) (net.Conn, error) {
	tlsConfig := o.TLSConfig.Clone()
	tlsConfig.ServerName = broker.Hostname()
	switch broker.Scheme {
	case "ws", "wss":
		socket, _, err := websocket.Dial(ctx, broker.String(), &websocket.DialOptions{
			HTTPClient: &http.Client{
				Transport: &http.Transport{
					DialContext: dial, TLSClientConfig: tlsConfig, MaxResponseHeaderBytes: maxHandshake,
					DisableKeepAlives: true, // a refused connection would stay open, unused
				},
				// The password goes to the configured broker only, never to where it
				// redirects.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			Subprotocols: []string{"mqtt"},
		})
		if err != nil {
			return nil, err
		}
		return websocket.NetConn(lifetime, socket, websocket.MessageBinary), nil
	}
	conn, err := dial(ctx, "tcp", broker.Host)
	if err != nil {
		return nil, err
	}
	switch broker.Scheme {
	case "ssl", "tls", "mqtts":
		secured := tls.Client(conn, tlsConfig)
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secured, nil
	}
	return conn, nil
}

// explainConnect adds to a failure what the user can do about it.
func explainConnect(err error) error {
	with := func(remedy string, err error) error { return &collectors.RemedyError{Err: err, Remedy: remedy} }
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return with("check mqtt.username and mqtt.password or mqtt.password_file", fmt.Errorf("the broker refused the sign-in (%w)", err))
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return with("set another mqtt.client_id", fmt.Errorf("the broker refused the client id (%w)", err))
	}
	if remedy := collectors.CertificateRemedy(err, time.Now(), "the broker"); remedy != "" {
		return with(remedy, collectors.FromNetwork(err))
	}
	if remedy := explainCertificate(err); remedy != "" {
		return with(remedy, err)
	}
	err = collectors.FromNetwork(err)
	switch collectors.KindOf(err) {
	case "refused":
		return with("check mqtt.broker and that the broker is running there", err)
	case "dns":
		return with("check the host name in mqtt.broker", err)
	}
	return with("check mqtt.broker: its host, its port, and tcp:// or ssl:// as the broker has it there", err)
}

// explainCertificate says what to do about a certificate that one side refuses,
// or "".
func explainCertificate(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		own       *revocationError
		other     *tls.CertificateVerificationError
		remote    *net.OpError
	)
	switch {
	case errors.As(err, &own): // says it itself
		return "the broker is not trusted"
	case errors.As(err, &authority):
		return "set mqtt.ca_file to the certificate of the authority that signed the broker's"
	case errors.As(err, &host):
		return "write in mqtt.broker a name that is in the broker's certificate"
	case errors.As(err, &invalid), errors.As(err, &other):
		return "give the broker another certificate"
	case errors.As(err, &remote) && remote.Op == "remote error":
		// The broker's alert says what it does not like about mqtt.cert_file: that it
		// is missing, has ended, was revoked, or is of an authority it does not know.
		return "the broker refuses the program's certificate: check mqtt.cert_file and mqtt.key_file, and the broker's log"
	}
	return ""
}
