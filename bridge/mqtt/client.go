package mqtt

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/configs"
)

// Options select a broker and how to reach it.
type Options struct {
	Settings configs.MQTT
	// Locate, if not nil, returns the settings before each attempt to connect. The
	// base topic and the files with certificates are always those of Settings.
	Locate func(context.Context) (configs.MQTT, error)
	// Dial replaces the network; nil uses it.
	Dial DialFunc
}

func (o Options) dial() DialFunc {
	if o.Dial != nil {
		return o.Dial
	}
	return (&net.Dialer{}).DialContext
}

// limitedDial returns a DialFunc whose connections fail after maxRead bytes.
func (o Options) limitedDial(failed func(error)) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := o.dial()(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newLimitedConn(conn, failed), nil
	}
}

const (
	keepAlive      = 30 * time.Second
	pingTimeout    = 10 * time.Second
	connectTimeout = 10 * time.Second

	// writeTimeout ends a connection whose peer has stopped reading. A publish that is
	// being written when its connection ends is stuck for as long.
	writeTimeout = 4 * time.Second

	// acknowledgeTimeout is how long the broker may take to acknowledge a message or a
	// subscription before the connection counts as broken.
	acknowledgeTimeout = 30 * time.Second
)

// clientOptions returns the options that every connection shares.
func clientOptions(m configs.MQTT, tlsConfig *tls.Config, clientID string) *paho.ClientOptions {
	options := paho.NewClientOptions().
		AddBroker(m.Broker).
		SetClientID(clientID).
		SetProtocolVersion(4). // MQTT 3.1.1
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetKeepAlive(keepAlive).
		SetPingTimeout(pingTimeout).
		SetConnectTimeout(connectTimeout).
		SetWriteTimeout(writeTimeout).
		SetTLSConfig(tlsConfig)
	if m.Username != "" {
		options.SetUsername(m.Username).SetPassword(m.Password.Reveal())
	}
	return options
}

// clientID returns the configured id, or one that survives restarts and differs
// between machines and base topics: a broker drops the older of two clients with the
// same id.
func clientID(m configs.MQTT) string {
	if m.ClientID != "" {
		return m.ClientID
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sum := sha256.Sum256([]byte(host + "\x00" + m.BaseTopic))
	return "hueair2mqtt-" + hex.EncodeToString(sum[:4])
}

// connect opens one connection. failed is called if the broker violates the protocol
// later: Paho's own error only says that the connection was lost.
func connect(ctx context.Context, options *paho.ClientOptions, dial DialFunc, failed func(error)) (paho.Client, error) {
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var (
		stopClosing func() bool
		dialErr     error
	)
	options.SetCustomOpenConnectionFn(func(broker *url.URL, o paho.ClientOptions) (net.Conn, error) {
		conn, err := dialBroker(connecting, ctx, broker, o.TLSConfig, dial)
		dialErr = err
		if err != nil {
			return nil, err
		}
		// Nothing else ends the wait for the CONNACK.
		stopClosing = context.AfterFunc(connecting, func() { conn.Close() })
		return &guardedConn{Conn: conn, failed: failed}, nil
	})
	client := paho.NewClient(options)
	token := client.Connect()
	<-token.Done()
	if stopClosing != nil {
		stopClosing()
	}
	if err := token.Error(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// Without Paho's "network Error : " before it.
		return nil, explain(cmp.Or(dialErr, err))
	}
	return client, nil
}

// connectFor connects a client of its own for a command, beside a bridge that may be
// running. It may read maxRead bytes; failed is called if it reads more, or if the
// broker violates the protocol.
func connectFor(ctx context.Context, o Options, purpose string, failed func(error)) (paho.Client, error) {
	tlsConfig, err := tlsConfig(o.Settings)
	if err != nil {
		return nil, err
	}
	return connect(ctx, clientOptions(o.Settings, tlsConfig, UniqueID(purpose)), o.limitedDial(failed), failed)
}

// UniqueID returns a client id that no other connection uses.
func UniqueID(purpose string) string { return "hueair2mqtt-" + purpose + "-" + rand.Text()[:8] }

// RequestCheck is the name of a request that every bridge ignores. It shows whether
// requests arrive.
const RequestCheck = "check"

// TryConnect connects and disconnects.
func TryConnect(ctx context.Context, o Options) error {
	client, err := connectFor(ctx, o, "check", func(error) {})
	if err != nil {
		return err
	}
	client.Disconnect(disconnectTimeout)
	return nil
}

// disconnectTimeout is how long Paho waits for pending work, in milliseconds.
const disconnectTimeout = 250

// Dial opens a connection on which the caller speaks MQTT itself. It ends with ctx.
// Reading from it fails with ErrReadLimit after 16 MiB.
func Dial(ctx context.Context, o Options) (net.Conn, error) {
	tlsConfig, err := tlsConfig(o.Settings)
	if err != nil {
		return nil, err
	}
	broker, err := url.Parse(o.Settings.Broker)
	if err != nil {
		return nil, errors.New("mqtt.broker is not a URL")
	}
	conn, err := dialBroker(ctx, ctx, broker, tlsConfig, o.limitedDial(func(error) {}))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return conn, nil
}

// subscribe subscribes to filters, each in a packet of its own (see checkPacket), and
// returns those that the broker refused, which Paho reports as success.
func subscribe(ctx context.Context, client paho.Client, filters map[string]byte, receive paho.MessageHandler) (refused []string, err error) {
	const failure = 0x80 // MQTT 3.1.1, 3.9.3
	tokens := make(map[string]*paho.SubscribeToken, len(filters))
	for filter, qos := range filters {
		tokens[filter] = client.Subscribe(filter, qos, receive).(*paho.SubscribeToken)
	}
	for filter, token := range tokens {
		if err := await(ctx, token); err != nil {
			return nil, err
		}
		if token.Result()[filter] == failure {
			refused = append(refused, filter)
		}
	}
	slices.Sort(refused)
	return refused, nil
}

// errNotAcknowledged reports a connection that is alive but useless.
var errNotAcknowledged = fmt.Errorf("the broker has acknowledged nothing for %s", acknowledgeTimeout)

// await waits for an acknowledgement until acknowledgeTimeout or until ctx is done.
func await(ctx context.Context, token paho.Token) error {
	timer := time.NewTimer(acknowledgeTimeout)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-timer.C:
		return errNotAcknowledged
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
