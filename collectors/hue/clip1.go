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
	"hueair2mqtt/collectors/hue/pairing"
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
	client *pairing.Client
	faults faults
}

// roundTrip sends the request and returns an answer that huego can parse, or a classified
// error.
func (e *exchange) roundTrip(req *http.Request) (repaired *http.Response, err error) {
	err = e.client.Send(req, "asking for the sensors", func(resp *http.Response) error {
		text, err := repairSensors(e.client, resp, &e.faults)
		if err != nil {
			return err
		}
		repaired = &http.Response{
			Status: resp.Status, StatusCode: resp.StatusCode,
			Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
			Header:        http.Header{"Content-Type": {"application/json"}},
			Body:          io.NopCloser(bytes.NewReader(text)),
			ContentLength: int64(len(text)),
			Request:       req,
		}
		return nil
	})
	return repaired, err
}

// readSensors reads everything by CLIP v1.
func readSensors(ctx context.Context, client *pairing.Client, key string, o *deviceOptions) (collectors.Snapshot, error) {
	e := &exchange{client: client}
	var sensors []huego.Sensor
	err := client.Limit(ctx, "asking for the sensors", func(ctx context.Context) (err error) {
		sensors, err = e.sensors(ctx, key)
		return err
	})
	if err != nil {
		return collectors.Snapshot{}, err
	}
	snapshot := collectors.Snapshot{Devices: devicesOf(sensors, o, &e.faults)}
	snapshot.Faults = e.faults.list()
	return snapshot, nil
}

// sensors calls huego, removes the URL from its errors, and turns a panic into an error.
// The repaired answer causes none, but a later huego may differ.
func (e *exchange) sensors(ctx context.Context, key string) (sensors []huego.Sensor, err error) {
	defer func() {
		if p := recover(); p != nil {
			sensors = nil
			err = malformed("huego cannot parse the response: %s", e.client.Clean(fmt.Sprint(p)))
		}
	}()
	sensors, err = huego.New(e.client.Base, key).GetSensorsContext(context.WithValue(ctx, exchangeKey{}, e))
	if err == nil {
		return sensors, nil
	}
	if inURL, ok := errors.AsType[*url.Error](err); ok {
		return nil, inURL.Err
	}
	return nil, malformed("huego cannot parse the response: %s", e.client.Clean(err.Error()))
}
