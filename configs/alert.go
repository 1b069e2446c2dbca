package configs

import (
	"fmt"
	"net/mail"
)

// Alert configures who is notified of problems that only the user can fix.
type Alert struct {
	Email Email `koanf:"email"`
}

// Email configures alerts by mail.
type Email struct {
	SMTP         string   `koanf:"smtp" usage:"mail server as host:port"`
	From         string   `koanf:"from" usage:"sender of alert mail"`
	To           []string `koanf:"to"`
	Username     string   `koanf:"username" usage:"user name at the mail server"`
	PasswordFile string   `koanf:"password_file" usage:"file that contains the mail account's password and nothing else"`
	// Password is read from PasswordFile; it has no key.
	Password Secret `koanf:"-"`
}

// Enabled reports whether alerts are sent by mail.
func (e Email) Enabled() bool { return e.SMTP != "" }

func (e *Email) validate(f *faults) {
	if e.SMTP == "" && e.From == "" && len(e.To) == 0 && e.Username == "" && e.PasswordFile == "" {
		return
	}
	const half, path = "is empty, but other keys of alert.email are set", "alert.email"
	if e.SMTP == "" {
		f.invalid(path+".smtp", half, "write the mail server as host:port, such as smtp.example.org:587, or remove the other keys")
	} else {
		hostPort(f, path+".smtp", e.SMTP, false, "write one such as smtp.example.org:587")
	}
	if e.From == "" {
		f.invalid(path+".from", half, "write the sender's address, or remove the other keys")
	} else {
		mailAddress(f, path+".from", e.From)
	}
	if len(e.To) == 0 {
		f.invalid(path+".to", half, "write the recipients, such as [you@example.org], or remove the other keys")
	}
	for i, to := range e.To {
		mailAddress(f, element(path+".to", i), to)
	}
	if e.Username != "" && e.PasswordFile == "" {
		f.invalid(path+".password_file", "is empty, but alert.email.username is set", "name the file that contains the mail account's password")
	}
	if e.PasswordFile != "" {
		if e.Username == "" {
			f.invalid(path+".username", "is empty, but alert.email.password_file is set", "write the mail account's user name too")
		}
		e.Password = readPassword(f, path+".password_file", e.PasswordFile)
	}
}

func mailAddress(f *faults, path, address string) {
	if _, err := mail.ParseAddress(address); err != nil {
		f.invalid(path, fmt.Sprintf("%.*q is not a mail address", maxQuoted, address), "write one such as you@example.org")
	}
}
