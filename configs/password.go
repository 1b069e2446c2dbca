package configs

import (
	"bytes"
	"errors"
	"slices"
)

// maxPassword bounds a password file, in bytes. Neither MQTT nor SMTP allows
// longer passwords.
const maxPassword = 64 << 10

// readPassword reads a file that contains one password on one line.
func readPassword(f *faults, path, file string) Secret {
	data, err := ReadFile(file, maxPassword)
	switch {
	case errors.Is(err, ErrTooLarge):
		f.unusable(path, quoted(file)+" is larger than 64 KiB, so it is not a password file", "name a file that contains only the password")
		return ""
	case err != nil:
		f.unreadable(path, file, err)
		return ""
	}
	data = bytes.TrimRight(data, "\r\n")
	switch {
	case len(data) == 0:
		f.unusable(path, quoted(file)+" is empty", "write the password into it, on one line")
	case slices.Contains(data, '\n'):
		f.unusable(path, quoted(file)+" has more than one line", "remove everything but the password, on one line")
	}
	return Secret(data)
}
