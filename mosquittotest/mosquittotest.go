// Package mosquittotest finds the real Mosquitto for the tests. What a test wants of
// its broker differs from one to the next; where the program is does not.
package mosquittotest

import "os/exec"

// Command is Mosquitto with a configuration file, to be started. A machine without
// Mosquitto fails at that: a test that went on without it would prove nothing.
func Command(configFile string) *exec.Cmd {
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // Debian keeps it from a user's PATH
	}
	return exec.Command(path, "-c", configFile)
}
