package harness

import "os/exec"

// MosquittoCommand returns the command that starts Mosquitto with a configuration file. A machine without
// Mosquitto fails at that: a test that went on without it would prove nothing.
func MosquittoCommand(configFile string) *exec.Cmd {
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // Debian keeps it from a user's PATH
	}
	return exec.Command(path, "-c", configFile)
}
