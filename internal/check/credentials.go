package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
	"hueair2mqtt/internal/statefile"
)

// ConfiguredSecrets returns the files with a password or a key that the configuration names.
func ConfiguredSecrets(c *configs.Config) (files []sources.SecretFile) {
	for _, f := range []sources.SecretFile{
		{Name: "mqtt.password_file", Path: c.MQTT.PasswordFile},
		{Name: "mqtt.key_file", Path: c.MQTT.KeyFile},
		{Name: "alert.email.password_file", Path: c.Alert.Email.PasswordFile},
		{Name: "web.password_file", Path: c.Web.PasswordFile},
	} {
		if f.Path != "" {
			f.Renew = "name the right file, or write it"
			files = append(files, f)
		}
	}
	return files
}

// credentials looks at all files that hold a secret.
func credentials(c *configs.Config, used []sources.Source) (findings []Finding) {
	present := 0
	look := func(file sources.SecretFile, neededToStart bool) {
		for _, f := range SecretFile(file, c.StateDir) {
			f.Unusable = neededToStart && f.Status == Fail
			findings = append(findings, f)
		}
		if _, err := os.Stat(file.Path); err == nil {
			present++
		}
	}
	for _, file := range ConfiguredSecrets(c) {
		look(file, false)
	}
	for _, source := range used {
		if source.Credentials.Path != "" {
			look(source.Credentials, source.AtStart)
		}
	}
	if len(findings) == 0 {
		findings = append(findings, Passed("credentials", "%s, safe from other users", counted(present, "file", "files")))
	}
	return findings
}

// SecretFile returns the problems of a file. It doesn't read the content. If root runs
// the check, the owner of stateDir counts as the user that runs the service.
func SecretFile(file sources.SecretFile, stateDir string) []Finding {
	return secretFile(file).look(stateDir)
}

type secretFile sources.SecretFile

func (s secretFile) failed(remedy, format string, args ...any) []Finding {
	return []Finding{Failed("credentials", remedy, s.Name+": "+format, args...)}
}

func (s secretFile) look(stateDir string) []Finding {
	info, err := os.Lstat(s.Path)
	switch {
	case s.Kept && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return s.failed(s.Renew, "there is no file %s", s.Path)
	case err != nil:
		return s.unreadable(err)
	case info.Mode()&fs.ModeSymlink == 0:
	case s.Kept:
		return s.failed("put the file itself there", "%s is a symbolic link, which the program does not follow", s.Path)
	default:
		if info, err = os.Stat(s.Path); err != nil {
			return s.failed("correct the link, or "+s.Renew, "the target of the symbolic link %s is missing: %v", s.Path, statefile.WithoutPath(err))
		}
	}
	switch {
	case !info.Mode().IsRegular():
		return s.failed(s.Renew, "%s is %s, not a file", s.Path, kind(info.Mode()))
	case info.Size() == 0:
		return s.failed(s.Renew, "%s is empty", s.Path)
	}
	f, err := configs.OpenFile(s.Path)
	if err != nil {
		return s.unreadable(err)
	}
	if err := f.Close(); err != nil {
		return s.unreadable(err)
	}
	return s.lookAtMode(info, stateDir)
}

// lookAtMode finds out who else can read or change the file.
func (s secretFile) lookAtMode(info fs.FileInfo, stateDir string) (found []Finding) {
	const component = "credentials"
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	service, serviceGroup := uint32(os.Geteuid()), uint32(os.Getegid())
	if dir, err := os.Stat(stateDir); err == nil && service == 0 {
		if stat, ok := dir.Sys().(*syscall.Stat_t); ok {
			service, serviceGroup = stat.Uid, stat.Gid
		}
	}
	untrusted := Warned
	if s.Kept || s.Refused {
		untrusted = Failed // the program refuses what another user could have written
	}
	mode := info.Mode().Perm()
	// A group of the service's own is the usual way to let it read a file that root owns;
	// what systemd hands over (LoadCredential) has the group root.
	others := mode & 0o027
	if owner.Gid != serviceGroup && owner.Gid != 0 {
		others |= mode & 0o070
	}
	if others != 0 {
		who := "the group " + groupName(owner.Gid)
		if mode&0o007 != 0 {
			who = "every user of this machine"
		}
		may, finding := "read", Warned
		if others&0o022 != 0 {
			may, finding = "change", untrusted
		}
		remedy := "run: chmod 600 " + s.Path
		if owner.Uid != service { // with mode 600 the service could not read it
			remedy = fmt.Sprintf("run: chown %s %s && chmod 600 %[2]s", userName(service), s.Path)
		}
		found = append(found, finding(component, remedy, "%s: %s may %s %s (mode %04o)", s.Name, who, may, s.Path, mode))
	}
	remedy := fmt.Sprintf("run: chown %s %s", userName(service), s.Path)
	switch {
	case s.Kept && owner.Uid != service && mode&0o007 == 0 && !(owner.Gid == serviceGroup && mode&0o040 != 0):
		found = append(found, s.failed(remedy, "%s belongs to %s, so that the service can't read it: its state directory belongs to %s",
			s.Path, userName(owner.Uid), userName(service))...)
	case owner.Uid != service && owner.Uid != 0 && owner.Uid != uint32(os.Geteuid()):
		found = append(found, untrusted(component, remedy, "%s: %s belongs to %s, who may read and change it", s.Name, s.Path, userName(owner.Uid)))
	}
	return found
}

func (s secretFile) unreadable(err error) []Finding {
	me := userName(uint32(os.Geteuid()))
	return s.failed(fmt.Sprintf("run the check as the user of the service or as root; if %s is that user, run: chown %[1]s %s", me, s.Path),
		"the user %s can't read %s: %v", me, s.Path, statefile.WithoutPath(err))
}
