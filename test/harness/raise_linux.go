package harness

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Raise makes the loopback interface of the calling thread's network namespace
// usable, which in a new one it is not. more are flags that it is to have besides,
// such as unix.IFF_MULTICAST; 0 for none.
func Raise(more uint16) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("opening a socket to ask for lo: %w", err)
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("naming lo: %w", err)
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("asking for the flags of lo: %w", err)
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP | unix.IFF_RUNNING | more)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("raising lo: %w", err)
	}
	return nil
}
