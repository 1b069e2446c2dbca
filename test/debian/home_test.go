//go:build debian || release

package debian_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"

	"github.com/tdrn-org/go-hue/mock"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// Addresses in the machine's network, which the configuration below has.
const (
	hueAddress    = "127.0.0.1:8081"
	alexaAddress  = "127.0.0.1:8082"
	silentAddress = "127.0.0.1:8083" // takes connections and never answers
	foundBridge   = "0123456789abcdef"
)

// configured is a configuration as a user writes it. The broker's password and the cookies are in
// the credentials directory and need no key.
const configured = `mqtt:
  broker: tcp://127.0.0.1:1883
  username: hueair2mqtt
hue:
  enabled: true
  interval: 1s
  timeout: 1s
  bridges: [{host: "http://127.0.0.1:8081", id: 001788fffe010203, username: hue-key}]
amazon:
  enabled: true
  interval: 1s
  timeout: 1s
  endpoints: {alexa: "http://127.0.0.1:8082"}
`

const brokerPassword = "the broker's password"

// asHome makes the test binary serve the home in the machine's network.
const asHome = "HUEAIR2MQTT_TEST_AS_HOME"

// startHome starts the Hue bridges and the Amazon account in the machine's network and returns the
// account's cookies.
func (m *machine) startHome() (cookies string) {
	m.t.Helper()
	var failed bytes.Buffer
	cmd := exec.Command("nsenter", "--target", m.pid, "--net", "--", os.Args[0])
	cmd.Env = append(os.Environ(), asHome+"=1")
	cmd.Stderr = &failed
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	cookies, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		m.t.Fatalf("starting the home: %v\n%s", err, &failed)
	}
	return cookies
}

// serveHome serves the home and prints the cookies when it is ready.
func serveHome() {
	bridge, account := huetest.NewBridge(harness.HueID, "hue-key"), amazontest.NewAccount()
	bridge.SetMotionSensor(harness.HallSensor)
	account.SetMonitor(harness.AirMonitor)
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	for address, handler := range map[string]http.Handler{hueAddress: bridge, alexaAddress: account} {
		listener, err := net.Listen("tcp", address)
		fail(err)
		go func() { fail(http.Serve(listener, handler)) }()
	}
	silent, err := net.Listen("tcp", silentAddress)
	fail(err)
	go func() {
		for {
			conn, err := silent.Accept()
			fail(err)
			go io.Copy(io.Discard, conn)
		}
	}()
	// It announces itself by mDNS.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	mock.Start()

	cookies, err := json.Marshal(account.Cookies())
	fail(err)
	fmt.Println(string(cookies))
	select {}
}
