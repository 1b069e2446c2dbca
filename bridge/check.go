package bridge

import "context"

// CheckBroker connects to the broker and disconnects again. Nothing is published.
func CheckBroker(ctx context.Context, o Options) error {
	client, err := connectOnce(ctx, o, "check")
	if err != nil {
		return err
	}
	client.Disconnect(250)
	return nil
}
