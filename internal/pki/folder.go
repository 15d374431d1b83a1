package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// AuthorityName is the name of an authority's files in its folder.
const AuthorityName = "ca"

// Folder holds an authority and what it certified, each as NAME.pem and NAME.key.
type Folder string

// Cert is the path of a certificate, and Key that of its private key.
func (f Folder) Cert(name string) string { return filepath.Join(string(f), name+".pem") }

// Key is the path of a certificate's private key.
func (f Folder) Key(name string) string { return filepath.Join(string(f), name+".key") }

// ErrExists is a file that is there already, and would have been replaced.
var ErrExists = errors.New("it is there already")

// Init makes an authority, and a certificate named server for the hosts and one
// named client, by it. Unless force is set it replaces nothing: the error is then
// ErrExists and nothing was written.
func (f Folder) Init(hosts []string, now time.Time, force bool) error {
	a, err := NewAuthority(now)
	if err != nil {
		return err
	}
	pairs := map[string]Pair{}
	if pairs[AuthorityName], err = a.Pair(); err != nil {
		return err
	}
	if pairs["server"], err = a.Issue(Request{Name: "server", Kind: Server, Hosts: append(hosts, Local()...), Now: now}); err != nil {
		return err
	}
	if pairs["client"], err = a.Issue(Request{Name: "client", Kind: Client, Now: now}); err != nil {
		return err
	}
	return f.write(pairs, force)
}

// Issue certifies by the folder's authority and writes the pair under r.Name.
func (f Folder) Issue(r Request, force bool) error {
	if !nameRule.MatchString(r.Name) || r.Name == AuthorityName {
		return fmt.Errorf("%q cannot name a certificate: use letters, digits, '.', '_' and '-', and not %s", r.Name, AuthorityName)
	}
	a, err := f.authority()
	if err != nil {
		return err
	}
	p, err := a.Issue(r)
	if err != nil {
		return err
	}
	return f.write(map[string]Pair{r.Name: p}, force)
}

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (f Folder) authority() (*Authority, error) {
	var p Pair
	var errs [2]error
	p.Cert, errs[0] = os.ReadFile(f.Cert(AuthorityName))
	p.Key, errs[1] = os.ReadFile(f.Key(AuthorityName))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("read the authority (agata tls init makes one): %w", err)
	}
	a, err := ParseAuthority(p)
	if err != nil {
		return nil, fmt.Errorf("the authority in %s: %w", f, err)
	}
	return a, nil
}

// write writes pairs. What can fail for want of rights or room fails before the
// first file takes its name, by a rename: a server that reads it meanwhile sees
// the old one or the new one.
func (f Folder) write(pairs map[string]Pair, force bool) (err error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("make the folder of certificates: %w", err)
	}
	type file struct {
		path string
		text []byte
		mode fs.FileMode
	}
	var files []file
	for name, p := range pairs {
		files = append(files, file{f.Key(name), p.Key, 0o600}, file{f.Cert(name), p.Cert, 0o644})
	}
	if !force {
		for _, file := range files {
			if _, err := os.Lstat(file.path); err == nil {
				return fmt.Errorf("%s: %w", file.path, ErrExists)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("look for certificates: %w", err)
			}
		}
	}
	var temps []string
	defer func() {
		for _, temp := range temps {
			_ = os.Remove(temp) // what was renamed is gone
		}
	}()
	for _, file := range files {
		temp, err := writeTemp(string(f), file.text, file.mode)
		if temp != "" {
			temps = append(temps, temp)
		}
		if err != nil {
			return fmt.Errorf("write a certificate: %w", err)
		}
	}
	for i, file := range files {
		if err := os.Rename(temps[i], file.path); err != nil {
			return fmt.Errorf("write a certificate: %w", err)
		}
	}
	return nil
}

// writeTemp writes a file that nobody else could read at any moment, unless mode
// allows it.
func writeTemp(dir string, text []byte, mode fs.FileMode) (path string, err error) {
	temp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = temp.Write(text)
	return temp.Name(), errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
}
