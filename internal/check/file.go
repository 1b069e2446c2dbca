package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"hueair2mqtt/configs"
)

// SecretFile is a file that the service must be able to read, and nobody else.
type SecretFile struct {
	// Name is what the user knows it by: a key, or the file's own name.
	Name string
	Path string
	// Renew says in imperative words how to get a new one.
	Renew string
	// Kept says that the program itself keeps it in its state directory. Such a file
	// need not be there.
	Kept bool
	// Refused says that the program does not use the file if others may change it.
	// It is so of Kept ones.
	Refused bool
}

// Look returns what is wrong with the file. Its content is not read. stateDir is
// the directory whose owner is taken for the user that the service runs as, where
// it is root who looks.
func (s SecretFile) Look(stateDir string) []Finding {
	const component = "credentials"
	info, err := os.Lstat(s.Path)
	switch {
	case s.Kept && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{Failed(component, s.Renew, "%s: there is no file %s", s.Name, s.Path)}
	case err != nil:
		return []Finding{s.unreadable(err)}
	}
	var found []Finding
	if info.Mode()&fs.ModeSymlink != 0 {
		if s.Kept {
			return []Finding{Failed(component, "put the file itself there",
				"%s: %s is a symbolic link, which the program does not follow", s.Name, s.Path)}
		}
		if info, err = os.Stat(s.Path); err != nil {
			return append(found, Failed(component, "mend the link, or "+s.Renew, "%s: the symbolic link %s leads nowhere: %v", s.Name, s.Path, reason(err)))
		}
	}
	switch {
	case !info.Mode().IsRegular():
		return append(found, Failed(component, s.Renew, "%s: %s is %s, not a file", s.Name, s.Path, kind(info.Mode())))
	case info.Size() == 0:
		return append(found, Failed(component, s.Renew, "%s: %s is empty", s.Name, s.Path))
	}
	f, err := configs.OpenFile(s.Path)
	if err != nil {
		return append(found, s.unreadable(err))
	}
	if err := f.Close(); err != nil {
		return append(found, s.unreadable(err))
	}
	return append(found, s.lookAtMode(info, stateDir)...)
}

// lookAtMode finds out who else may read or change the file.
func (s SecretFile) lookAtMode(info fs.FileInfo, stateDir string) (found []Finding) {
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
	mode := info.Mode().Perm()
	// A group of the service's own is the usual way to let it read a file of root's;
	// what systemd hands over (LoadCredential) is of the group root.
	others := mode & 0o007
	if owner.Gid != serviceGroup && owner.Gid != 0 {
		others |= mode & 0o070
	}
	others |= mode & 0o020
	if others != 0 {
		who := "the group " + groupName(owner.Gid)
		if mode&0o007 != 0 {
			who = "every user of this machine"
		}
		may := "read"
		if others&0o022 != 0 {
			may = "change"
		}
		remedy := "run: chmod 600 " + s.Path
		if owner.Uid != service { // which would no longer be able to read it
			remedy = fmt.Sprintf("run: chown %s %s && chmod 600 %[2]s", userName(service), s.Path)
		}
		tell := Warned
		if (s.Kept || s.Refused) && others&0o022 != 0 {
			tell = Failed // the program does not trust it
		}
		found = append(found, tell(component, remedy,
			"%s: %s may %s %s (mode %04o)", s.Name, who, may, s.Path, mode))
	}
	switch {
	case s.Kept && owner.Uid != service && mode&0o007 == 0 && !(owner.Gid == serviceGroup && mode&0o040 != 0):
		found = append(found, Failed(component, fmt.Sprintf("run: chown %s %s", userName(service), s.Path),
			"%s: %s belongs to %s, so that the service can't read it: its state directory belongs to %s",
			s.Name, s.Path, userName(owner.Uid), userName(service)))
	case owner.Uid != service && owner.Uid != 0 && owner.Uid != uint32(os.Geteuid()):
		tell := Warned
		if s.Kept || s.Refused {
			tell = Failed
		}
		found = append(found, tell(component, fmt.Sprintf("run: chown %s %s", userName(service), s.Path),
			"%s: %s belongs to %s, who may read and change it", s.Name, s.Path, userName(owner.Uid)))
	}
	return found
}

func (s SecretFile) unreadable(err error) Finding {
	me := userName(uint32(os.Geteuid()))
	return Failed("credentials", fmt.Sprintf("run the check as the user of the service or as root; if %s is that user, run: chown %s %s", me, me, s.Path),
		"%s: the user %s can't read %s: %v", s.Name, me, s.Path, reason(err))
}

// reason is an error of a file without its path.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

func userName(id uint32) string {
	if u, err := user.LookupId(strconv.Itoa(int(id))); err == nil {
		return u.Username
	}
	return strconv.Itoa(int(id))
}

func groupName(id uint32) string {
	if g, err := user.LookupGroupId(strconv.Itoa(int(id))); err == nil {
		return g.Name
	}
	return strconv.Itoa(int(id))
}
