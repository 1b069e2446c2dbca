package account_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness"
	"hueair2mqtt/test/harness/alexa"
)

// The environment that makes the test binary a process that is killed.
const (
	crashAt    = "HUEAIR2MQTT_TEST_CRASH_AT"
	crashHost  = "HUEAIR2MQTT_TEST_CRASH_HOST"
	crashState = "HUEAIR2MQTT_TEST_CRASH_STATE"
	crashLogin = "HUEAIR2MQTT_TEST_CRASH_LOGIN" // "1": signs in; else renews
)

func TestMain(m *testing.M) {
	if os.Getenv(crashAt) != "" {
		if err := crash(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0) // it was not killed
	}
	os.Exit(m.Run())
}

// systemCalls are those that replace the file, in their order. The first one locks the
// directory once the new credentials are there.
var systemCalls = map[string][]uint32{
	"flock":  {unix.SYS_FLOCK},
	"fchmod": {unix.SYS_FCHMOD},
	"fsync":  {unix.SYS_FSYNC},
	"rename": {unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2},
}

// crash renews or signs in, and is killed on the way: by the kernel at one of the system
// calls, or by the parent process.
func crash() error {
	host := os.Getenv(crashHost)
	o := account.Options{Domain: "amazon.co.uk", StateDir: os.Getenv(crashState), Endpoint: host, AuthEndpoint: host}
	retry := collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, amazon.Source, zap.NewNop())
	if calls := systemCalls[os.Getenv(crashAt)]; calls != nil {
		if err := forbid(calls); err != nil {
			return err
		}
	}
	if os.Getenv(crashLogin) == "1" {
		s, err := account.NewSignIn(o)
		if err != nil {
			return err
		}
		// The parent process is the browser.
		fmt.Println(s.Address())
		var landing string
		if _, err := fmt.Scanln(&landing); err != nil {
			return err
		}
		_, err = s.Finish(context.Background(), retry, landing)
		return err
	}
	c, err := amazon.New(amazon.Options{Account: o})
	if err != nil {
		return err
	}
	_, err = c.Collect(context.Background(), retry)
	return err
}

// forbid makes the kernel kill this process, all threads of it, at the first of
// these system calls (seccomp), before it is done.
func forbid(calls []uint32) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the number of the call
	for _, call := range calls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding new privileges: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("setting the filter of system calls: %w", errno)
	}
	return nil
}

// A process that is killed in the middle of a renewal or a sign-in leaves the old
// credentials or the new, and either of them works.
func TestKilledAtEachStep(t *testing.T) {
	for _, test := range []struct {
		at    string
		isNew bool // on the disk afterwards
	}{
		{"asked", false}, {"flock", false}, {"fchmod", false}, {"fsync", false}, {"rename", false}, {"saved", true},
	} {
		for _, login := range []string{"0", "1"} {
			t.Run(fmt.Sprintf("%s, login %s", test.at, login), func(t *testing.T) {
				host := amazontest.NewAccount()
				host.SetMonitor(alexa.Kitchen)
				var kill atomic.Pointer[func(path string)]
				server := harness.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if f := kill.Load(); f != nil {
						(*f)(r.URL.Path)
					}
					host.ServeHTTP(w, r)
				}))
				h := &alexa.SignInHome{Home: &alexa.Home{T: t, Account: host}, State: t.TempDir()}
				h.Options = account.Options{Domain: "amazon.co.uk", StateDir: h.State, Endpoint: server.URL, AuthEndpoint: server.URL}
				h.Retry = collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, amazon.Source, zap.NewNop())
				h.SignIn("amazon.co.uk")
				startCollector(h)
				h.CleanPoll()
				before := h.Read()
				host.KillCookies()

				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), crashAt+"="+test.at, crashHost+"="+server.URL, crashState+"="+h.State, crashLogin+"="+login)
				var said strings.Builder
				cmd.Stderr = &said
				stdin, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				var asked atomic.Bool
				at := func(path string) {
					asks := path == amazontest.TokenPath && login == "0" || path == amazontest.RegisterPath
					if (test.at == "asked" && asks) || (test.at == "saved" && asked.Load()) {
						if err := cmd.Process.Kill(); err != nil {
							t.Error(err)
						}
					}
					if asks {
						asked.Store(true)
					}
				}
				kill.Store(&at)
				if login == "1" {
					var address string
					if _, err := fmt.Fscanln(stdout, &address); err != nil {
						t.Error(err)
					}
					landing, err := host.Consent(address)
					if err != nil {
						t.Error(err)
					}
					if _, err := fmt.Fprintln(stdin, landing); err != nil {
						t.Error(err)
					}
				}
				err = cmd.Wait()
				kill.Store(nil)
				status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
				if !ok || !status.Signaled() {
					t.Fatalf("the process was not killed: %v\n%s", err, said.String())
				}
				if changed := h.Read() != before; changed != test.isNew {
					t.Errorf("new credentials on the disk: %t, want %t", changed, test.isNew)
				}
				startCollector(h)
				h.CleanPoll()
			})
		}
	}
}

// startCollector makes the collector of the options, over real sockets.
func startCollector(h *alexa.SignInHome) {
	h.T.Helper()
	h.Options.Timeout = 10 * time.Second
	h.Collector = alexa.NewCollector(h.T, h.Options)
	h.T.Cleanup(h.Collector.Close)
}
