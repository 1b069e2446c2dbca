package hue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/amimof/huego"

	"hueair2mqtt/collectors"
)

// dispatcher is the RoundTripper of http.DefaultClient. It hands a request whose context
// has an exchange to that, and all others to the RoundTripper that was there before.
type dispatcher struct{ others http.RoundTripper }

func (d dispatcher) RoundTrip(req *http.Request) (*http.Response, error) {
	if e, ok := req.Context().Value(exchangeKey{}).(*exchange); ok {
		return e.roundTrip(req)
	}
	return d.others.RoundTrip(req)
}

var installDispatcher = sync.OnceFunc(func() {
	others := http.DefaultClient.Transport
	if others == nil {
		others = http.DefaultTransport
	}
	http.DefaultClient.Transport = dispatcher{others}
})

// exchangeKey is the context key of a request's exchange.
type exchangeKey struct{}

// exchange is one request by huego, with the faults of single entries of its answer.
type exchange struct {
	collector *Collector
	faults    faults
}

// roundTrip sends the request and returns an answer that huego can parse, or a classified
// error.
func (e *exchange) roundTrip(req *http.Request) (mended *http.Response, err error) {
	err = e.collector.conn.client.Send(req, "asking for the sensors", func(resp *http.Response) error {
		if resp.ContentLength > maxBody {
			return oversized("the answer announces %d bytes; a Hue bridge sends at most %d", resp.ContentLength, maxBody)
		}
		text, err := e.collector.mend(resp.Body, &e.faults)
		mended = &http.Response{
			Status: resp.Status, StatusCode: resp.StatusCode,
			Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
			Header:        http.Header{"Content-Type": {"application/json"}},
			Body:          io.NopCloser(bytes.NewReader(text)),
			ContentLength: int64(len(text)),
			Request:       req,
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return mended, nil
}

// readSensors reads everything by CLIP v1.
func (c *Collector) readSensors(ctx context.Context) (collectors.Snapshot, error) {
	e := &exchange{collector: c}
	var sensors []huego.Sensor
	err := c.conn.client.Limit(ctx, "asking for the sensors", func(ctx context.Context) (err error) {
		sensors, err = c.sensors(context.WithValue(ctx, exchangeKey{}, e))
		return err
	})
	if err != nil {
		return collectors.Snapshot{}, err
	}
	snapshot := collectors.Snapshot{Devices: c.devices(sensors, &e.faults)}
	snapshot.Faults = e.faults.list()
	return snapshot, nil
}

// sensors calls huego, removes the URL from its errors, and turns a panic into an error.
// mend avoids panics, but a later huego may differ.
func (c *Collector) sensors(ctx context.Context) (sensors []huego.Sensor, err error) {
	defer func() {
		if p := recover(); p != nil {
			sensors = nil
			err = malformed("huego cannot parse the answer: %s", c.target.Clean(fmt.Sprint(p)))
		}
	}()
	sensors, err = huego.New(c.conn.client.Base, c.target.Key).GetSensorsContext(ctx)
	if err == nil {
		return sensors, nil
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		return nil, inURL.Err
	}
	return nil, malformed("huego cannot parse the answer: %s", c.target.Clean(err.Error()))
}
