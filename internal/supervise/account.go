package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Account is whom tasks run as.
type Account struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32 // further ones
}

// LookUpAccount finds the account that tasks are to run as; nil for "", which is
// AGATA's own. It is refused where it could not be kept: without root, for an
// account that is not there, and for root itself.
func LookUpAccount(name string) (*Account, error) {
	if name == "" {
		return nil, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("the account %q that tasks are to run as is not there: make it (useradd --system %s), or change user in section [tasks]: %w", name, name, err)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("tasks cannot run as %q: that takes root, and this process runs as another; start it as root, or leave user in section [tasks] empty", name)
	}
	groups, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("find the groups of account %q: %w", name, err)
	}
	ids := make([]uint32, 0, 2+len(groups))
	for _, text := range append([]string{found.Uid, found.Gid}, groups...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("account %q: %w", name, err)
		}
		ids = append(ids, uint32(id))
	}
	if ids[0] == 0 {
		return nil, fmt.Errorf("tasks must not run as %q, which may do anything: name an account without privileges as user in section [tasks]", name)
	}
	return &Account{Name: name, UID: ids[0], GID: ids[1], Groups: ids[2:]}, nil
}

// ids is the account as a shim takes it; nil for AGATA's own.
func (a *Account) ids() []uint32 {
	if a == nil {
		return nil
	}
	return append([]uint32{a.UID, a.GID}, a.Groups...)
}

// Own gives files to the account. With nil it does nothing.
func (a *Account) Own(paths ...string) error {
	if a == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Lchown(path, int(a.UID), int(a.GID)); err != nil {
			return fmt.Errorf("give account %s its files: %w", a.Name, err)
		}
	}
	return nil
}

// Reach says what keeps the account from reading a file, or from entering and
// listing a folder: the folder on the way, and what to do. With nil nothing does.
func (a *Account) Reach(path string) error {
	if a == nil {
		return nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	at := "/"
	for name := range strings.SplitSeq(strings.TrimPrefix(real, "/"), "/") {
		if err := a.may(at, 1); err != nil {
			return err
		}
		at = filepath.Join(at, name)
	}
	return a.may(at, 4)
}

// may asks the mode of a file or folder for a right of the account: 4 to read, 1
// to pass through; a folder that is read is entered as well.
func (a *Account) may(path string, right os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		right |= 1
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("the file system tells no owner")
	}
	granted := info.Mode().Perm()
	switch {
	case stat.Uid == a.UID:
		granted >>= 6
	case stat.Gid == a.GID || contains(a.Groups, stat.Gid):
		granted >>= 3
	}
	if granted&right != right {
		return fmt.Errorf("%s (mode %04o, owner %d) keeps the account %s out, which tasks run as: give others the right (chmod o+rx), or place it elsewhere", path, info.Mode().Perm(), stat.Uid, a.Name)
	}
	return nil
}

func contains(groups []uint32, id uint32) bool {
	for _, g := range groups {
		if g == id {
			return true
		}
	}
	return false
}
