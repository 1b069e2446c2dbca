package mqtt

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
	"github.com/eclipse/paho.mqtt.golang/packets"

	"hueair2mqtt/collectors"
)

// DialFunc opens a network connection.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// maxHandshake is the maximum size of the response header of a WebSocket handshake,
// in bytes.
const maxHandshake = 64 << 10

// dialBroker opens the TCP, TLS or WebSocket connection that carries MQTT. ctx bounds
// the dialing, lifetime the connection: Paho's own WebSocket takes no context, so a
// server that never responds would delay the end of the program.
func dialBroker(ctx, lifetime context.Context, broker *url.URL, tlsConfig *tls.Config, dial DialFunc) (net.Conn, error) {
	tlsConfig = tlsConfig.Clone()
	tlsConfig.ServerName = broker.Hostname()
	switch broker.Scheme {
	case "ws", "wss":
		socket, _, err := websocket.Dial(ctx, broker.String(), &websocket.DialOptions{
			HTTPClient: &http.Client{
				Transport: &http.Transport{
					DialContext: dial, TLSClientConfig: tlsConfig, MaxResponseHeaderBytes: maxHandshake,
					DisableKeepAlives: true, // a refused connection would stay open, unused
				},
				// Only the configured broker gets the password, never a redirect's target.
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

// explain adds a remedy to a connection error.
func explain(err error) error {
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
	if remedy := certificateRemedy(err); remedy != "" {
		return with(remedy, err)
	}
	err = collectors.FromNetwork(err)
	switch collectors.KindOf(err) {
	case "refused":
		return with("check mqtt.broker and that the broker is running there", err)
	case "dns":
		return with("check the host name in mqtt.broker", err)
	}
	return with("check mqtt.broker: its host, its port, and whether the broker expects tcp:// or ssl:// there", err)
}

// certificateRemedy returns the remedy for a certificate that one side refuses, or
// "" for other errors.
func certificateRemedy(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		revoked   *revocationError
		other     *tls.CertificateVerificationError
		remote    *net.OpError
	)
	switch {
	case errors.As(err, &revoked): // its text has the remedy
		return "the broker is not trusted"
	case errors.As(err, &authority):
		return "set mqtt.ca_file to the certificate of the authority that signed the broker's"
	case errors.As(err, &host):
		return "write in mqtt.broker a name that is in the broker's certificate"
	case errors.As(err, &invalid), errors.As(err, &other):
		return "give the broker another certificate"
	case errors.As(err, &remote) && remote.Op == "remote error":
		// The broker's TLS alert says what is wrong with mqtt.cert_file: it is missing,
		// expired, revoked or from an unknown authority.
		return "the broker refuses the program's certificate: check mqtt.cert_file and mqtt.key_file, and the broker's log"
	}
	return ""
}
