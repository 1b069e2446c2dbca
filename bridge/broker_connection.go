package bridge

import (
	"context"
	"crypto/tls"
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
			HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: tlsConfig}},
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
	err = collectors.FromNetwork(err)
	switch collectors.KindOf(err) {
	case "certificate":
		return with("check mqtt.ca_file and that mqtt.broker uses the name in the broker's certificate", err)
	case "refused":
		return with("check mqtt.broker and that the broker is running there", err)
	case "dns":
		return with("check the host name in mqtt.broker", err)
	}
	return with("check mqtt.broker: its host, its port, and tcp:// or ssl:// as the broker has it there", err)
}
