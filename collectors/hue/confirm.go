package hue

import (
	"context"
	"net/http"

	"github.com/tdrn-org/go-hue/api"
)

// authPath answers whether a key is accepted, with an empty body: 200 or 403
// (Hue Entertainment API). An emulator may not have it.
const authPath = "/auth/v1"

// confirmed reports whether the bridge is there and has not refused the key. It
// costs the bridge far less than a full read. Without an answer the stream is doubted.
func (c *Collector) confirmed(ctx context.Context) bool {
	confirmed := false
	err := c.limited(ctx, "asking whether the key is accepted", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.link.base+authPath, nil)
		if err != nil {
			return err
		}
		req.Header.Set(api.ApplicationKeyHeader, c.key)
		resp, err := c.link.transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		confirmed = resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden
		return nil
	})
	if err != nil {
		c.stream.doubt()
	}
	return err == nil && confirmed
}
