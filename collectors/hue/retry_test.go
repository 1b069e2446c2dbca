package hue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

func TestTimeoutIsRetriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHome(t, nil, nil)
		h.bridge.SetMotionSensor(hall)
		h.bridge.Script(huetest.Hang, huetest.Hang, nil)
		start := time.Now()
		snapshot := h.mustCollect(t)
		deviceIn(t, snapshot, hallID)
		if n := h.bridge.Requests(); n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
		// Twice the time-out of 10 s, and 1 s and 2 s of waiting.
		if took := time.Since(start); took != 23*time.Second {
			t.Errorf("took %s, want 23s", took)
		}
		lines := h.log.FilterMessage("retrying").All()
		if len(lines) != 2 {
			t.Fatalf("%d lines about retries, want 2", len(lines))
		}
		for k, line := range lines {
			fields := line.ContextMap()
			want := map[string]any{
				"collector": "hue", "endpoint": "http://192.168.1.2", "kind": "timeout",
				"attempt": int64(k + 2), "of": int64(3), "delay": time.Duration(k+1) * time.Second,
			}
			for field, value := range want {
				if fields[field] != value {
					t.Errorf("retry %d: %s = %v, want %v", k+1, field, fields[field], value)
				}
			}
		}
		if n := h.retrier.Retries(); n != 2 {
			t.Errorf("%d retries counted, want 2", n)
		}
	})
}

// A connection that is refused, in the words of the net package.
func refuse(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func TestUnreachableBridgeIsTransient(t *testing.T) {
	tests := []struct {
		kind string
		dial func(context.Context, string, string) (net.Conn, error)
	}{
		{"refused", refuse},
		{"unreachable", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
		}},
		{"dns", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "hue.local", IsNotFound: true}
		}},
		{"timeout", func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := newTestHome(t, nil, func(o *hue.Options) {
					o.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
						if address != "192.168.1.2:80" {
							t.Errorf("dials %s", address)
						}
						calls.Add(1)
						return test.dial(ctx, network, address)
					}
				})
				snapshot, err := h.collect(t)
				var exhausted *collectors.ExhaustedError
				if !errors.As(err, &exhausted) || exhausted.Attempts != 3 || exhausted.Endpoint != "http://192.168.1.2" {
					t.Fatalf("err = %v, want all attempts to be used up", err)
				}
				if kind := collectors.KindOf(err); kind != test.kind {
					t.Errorf("kind %q, want %q", kind, test.kind)
				}
				if collectors.ClassOf(err) != collectors.Transient || calls.Load() != 3 || len(snapshot.Devices) != 0 {
					t.Errorf("class %s, %d calls, %d devices; want transient, 3, 0", collectors.ClassOf(err), calls.Load(), len(snapshot.Devices))
				}
				lines := h.log.FilterMessage("given up until the next poll").All()
				if len(lines) != 1 {
					t.Fatalf("%d lines about giving up, want 1", len(lines))
				}
				if fields := lines[0].ContextMap(); fields["kind"] != test.kind || fields["elapsed"].(time.Duration) < 3*time.Second {
					t.Errorf("fields %v", fields)
				}
			})
		})
	}
}

func TestRateLimitBacksOffOneThenTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHome(t, nil, nil)
		h.bridge.SetMotionSensor(hall)
		h.bridge.Script(huetest.Busy(0), huetest.Busy(0))
		start := time.Now()
		h.mustCollect(t)
		if waits := h.waits(); !slices.Equal(waits, []time.Duration{time.Second, 2 * time.Second}) {
			t.Errorf("waited %s, want 1s and 2s", waits)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %s, want 3s", took)
		}
		if n := h.bridge.Requests(); n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
	})
}

func TestOfflineSensorIsNotRetried(t *testing.T) {
	tests := map[string]func(*huetest.MotionSensor){
		"unreachable":    func(s *huetest.MotionSensor) { s.Reachable = false },
		"never reported": func(s *huetest.MotionSensor) { s.NeverReported = true },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHome(t, nil, nil)
				offline := hall
				change(&offline)
				h.bridge.SetMotionSensor(offline)
				h.bridge.SetMotionSensor(huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:06", Name: "Attic", Temperature: 9, Reachable: true})
				start := time.Now()
				snapshot := h.mustCollect(t)
				d := deviceIn(t, snapshot, hallID)
				if d.Online || len(d.Readings) != 4 {
					t.Errorf("online %t with %d readings, want false with 4", d.Online, len(d.Readings))
				}
				for m, v := range d.Readings {
					if !v.IsUnknown() {
						t.Errorf("%s = %s, want unknown", m, v)
					}
				}
				if other := deviceIn(t, snapshot, "hue_0017880102030406"); !other.Online || other.Readings[collectors.Temperature] != collectors.Number(9) {
					t.Errorf("the other sensor: %+v", other)
				}
				if n := h.bridge.Requests(); n != 1 || time.Since(start) != 0 || h.log.Len() != 0 {
					t.Errorf("%d calls in %s with %d lines in the log, want 1 in 0s with none", n, time.Since(start), h.log.Len())
				}
			})
		})
	}
}

func TestThreeFailuresEndThePoll(t *testing.T) {
	t.Run("entries of one answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHome(t, nil, nil)
			h.bridge.SetRaw("3", `{"type":"ZLLTemperature","name":7,"uniqueid":"00:17:88:01:02:03:04:09-02-0402"}`)
			h.bridge.SetRaw("4", `null`)
			h.bridge.SetRaw("five", `{"type":"ZLLTemperature","uniqueid":"00:17:88:01:02:03:04:09-02-0402"}`)
			h.bridge.SetMotionSensor(hall)
			snapshot, err := h.collect(t)
			if err != nil {
				t.Fatal(err)
			}
			if d := deviceIn(t, snapshot, hallID); !d.Online || len(d.Readings) != 4 || len(snapshot.Devices) != 1 {
				t.Errorf("%+v", snapshot.Devices)
			}
			if len(snapshot.Faults) != 3 || h.bridge.Requests() != 1 {
				t.Errorf("faults %v after %d calls, want 3 after 1", snapshot.Faults, h.bridge.Requests())
			}
		})
	})
	t.Run("bridges of one home", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			bad, good := newTestHome(t, nil, nil), newTestHome(t, nil, nil)
			// A good poll before, lest a kept connection hide a call from the log.
			bad.mustCollect(t)
			bad.bridge.Script(huetest.Drop, huetest.Drop, huetest.Drop)
			good.bridge.SetMotionSensor(hall)
			if _, err := bad.collect(t); collectors.KindOf(err) != "truncated" || bad.bridge.Requests() != 1+3 {
				t.Errorf("err = %v after %d calls, want a cut connection after 3", err, bad.bridge.Requests()-1)
			}
			deviceIn(t, good.mustCollect(t), hallID)
			bad.mustCollect(t) // the next poll starts afresh
		})
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	busy := func(header string) http.HandlerFunc {
		return huetest.Status(http.StatusServiceUnavailable, http.Header{"Retry-After": {header}}, "")
	}
	tests := []struct {
		name   string
		answer func() http.HandlerFunc
		want   time.Duration
	}{
		{"seconds", func() http.HandlerFunc { return busy("7") }, 7 * time.Second},
		{"date", func() http.HandlerFunc {
			return busy(time.Now().Add(9 * time.Second).UTC().Format(http.TimeFormat))
		}, 9 * time.Second},
		{"less than the back-off", func() http.HandlerFunc { return busy("0") }, time.Second},
		{"nonsense", func() http.HandlerFunc { return busy("soon") }, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHome(t, nil, nil)
				h.bridge.Script(test.answer())
				start := time.Now()
				h.mustCollect(t)
				if took := time.Since(start); took != test.want {
					t.Errorf("took %s, want %s", took, test.want)
				}
			})
		})
	}
	t.Run("longer than the interval", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHome(t, nil, nil)
			h.bridge.Script(busy("3600"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			_, err := h.collector.Collect(ctx, h.retrier)
			if collectors.KindOf(err) != "http 503" || h.bridge.Requests() != 1 || time.Since(start) != 0 {
				t.Errorf("err = %v after %d calls in %s, want one 503 at once", err, h.bridge.Requests(), time.Since(start))
			}
		})
	})
}

func TestCancelEndsRetryWait(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"between two tries":      huetest.Busy(20),
		"while the bridge hangs": huetest.Hang,
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHome(t, nil, nil)
				h.bridge.Script(answer)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start := time.Now()
				time.AfterFunc(5*time.Second, cancel)
				snapshot, err := h.collector.Collect(ctx, h.retrier)
				h.checkSecret(t, snapshot, err)
				if !errors.Is(err, context.Canceled) {
					t.Errorf("err = %v, want it to be cancelled", err)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("took %s, want 5s", took)
				}
				if n := h.bridge.Requests(); n != 1 {
					t.Errorf("%d calls, want 1", n)
				}
			})
		})
	}
}

func TestPollIsBoundedByItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHome(t, nil, nil)
		h.bridge.Script(huetest.Hang, huetest.Hang, huetest.Hang)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		start := time.Now()
		_, err := h.collector.Collect(ctx, h.retrier)
		if took := time.Since(start); took != 15*time.Second || collectors.KindOf(err) != "timeout" {
			t.Errorf("err = %v after %s, want a time-out after 15s", err, took)
		}
	})
}

func TestRestoredKeyIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHome(t, nil, nil)
		h.bridge.SetMotionSensor(hall)
		h.mustCollect(t)
		h.bridge.DeleteKey()
		for range 2 {
			_, err := h.collect(t)
			checkAuthentication(t, err, "Hue error 1")
		}
		h.bridge.RestoreKey()
		deviceIn(t, h.mustCollect(t), hallID)
		if n := h.bridge.Requests(); n != 4 || h.log.Len() != 0 {
			t.Errorf("%d calls with %d lines in the log, want 4 without retry", n, h.log.Len())
		}
	})
}

func checkAuthentication(t *testing.T, err error, code string) {
	t.Helper()
	var authentication *collectors.AuthenticationError
	if !errors.As(err, &authentication) {
		t.Fatalf("err = %v, want an authentication error", err)
	}
	if authentication.Code != code {
		t.Errorf("code %q, want %q", authentication.Code, code)
	}
	want := `Run "hueair2mqtt hue pair --host 192.168.1.2" and press the link button on the Hue bridge`
	if code == "no key" {
		want += "; hueair2mqtt then continues by itself."
	} else {
		want += ", remove hue.bridges[0].username, then restart hueair2mqtt."
	}
	if authentication.Remedy != want {
		t.Errorf("remedy %q, want %q", authentication.Remedy, want)
	}
}

func TestV1PollIsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		bridge := huetest.NewBridge(bridgeID, key)
		h := newTestHome(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.Path)
			bridge.ServeHTTP(w, r)
		}), nil)
		for i := range 50 {
			s := hall
			s.MAC = fmt.Sprintf("00:17:88:01:02:03:05:%02x", i)
			bridge.SetMotionSensor(s)
		}
		for range 3 {
			if n := len(h.mustCollect(t).Devices); n != 50 {
				t.Errorf("%d devices, want 50", n)
			}
		}
		if want := slices.Repeat([]string{"GET /api/" + key + "/sensors"}, 3); !slices.Equal(asked, want) {
			t.Errorf("asked %s", strings.Join(asked, ", "))
		}
	})
}
