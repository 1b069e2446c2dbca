package cli

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"

	"hueair2mqtt/bridge"
)

// serviceManager is the systemd that started the program as a service, if any:
// NOTIFY_SOCKET and WATCHDOG_USEC in the environment tell.
func serviceManager() (bridge.ServiceManager, error) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return bridge.ServiceManager{}, fmt.Errorf("WATCHDOG_USEC or WATCHDOG_PID in the environment, which systemd sets: %w: remove both", err)
	}
	return bridge.ServiceManager{
		Notify: func(state string) error {
			_, err := daemon.SdNotify(false, state) // false, nil: nobody to tell
			return err
		},
		Watchdog: watchdog,
	}, nil
}
