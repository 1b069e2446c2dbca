package cli

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"

	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/test/harness"
)

// asProgram makes the test binary run as the program, so that the tests start the
// process that a user starts, with the race detector where it is on.
const asProgram = "HUEAIR2MQTT_TEST_AS_PROGRAM"

// searchAt names the only address at which the program looks for Hue bridges.
const searchAt = "HUEAIR2MQTT_TEST_SEARCH_AT"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if file := os.Getenv(allocatedTo); file != "" {
			writeAllocated(file)
		}
		if address := os.Getenv(searchAt); address != "" {
			finder = pairing.Finder{Service: address, Browse: func(context.Context, func(pairing.Found)) error { return nil }}
		}
		if dir := os.Getenv(fullDisk); dir != "" {
			if err := fillDisk(dir); err != nil {
				panic(err)
			}
		}
		os.Exit(Main())
	}
	// Parallel tests wait for processes and timeouts more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := removeProgramFile(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// command returns the command that runs the program.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// start starts the program; the end of the test kills it.
func start(t *testing.T, args ...string) *harness.Process {
	t.Helper()
	return harness.Start(t, command(args...))
}

// run runs the program to its end.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return harness.Run(t, command(args...))
}
