package bridge

import "context"

// CheckBroker connects to the broker and disconnects again. Nothing is published.
func CheckBroker(ctx context.Context, o Options) error {
	tlsConfig, err := tlsConfig(o.MQTT)
	if err != nil {
		return err
	}
	client, err := connect(ctx, clientOptions(o.MQTT, tlsConfig, oneTimeClientID("check")), o.dialBroker())
	if err != nil {
		return err
	}
	client.Disconnect(250)
	return nil
}
