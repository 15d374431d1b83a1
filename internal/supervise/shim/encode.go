package shim

import (
	"errors"
	"os"
	"time"
)

// A shim must not wait for encoding/json and all that is initialised with it, so
// what it writes is spelled here. Others read it with encoding/json; the spec,
// which the shim reads, has a format of its own.

type object struct{ buf []byte }

func (o *object) key(name string) {
	if n := len(o.buf); n > 0 && o.buf[n-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(quote(o.buf, name), ':')
}

func (o *object) text(name, value string) {
	o.key(name)
	o.buf = quote(o.buf, value)
}

func (o *object) number(name string, value int64) {
	o.key(name)
	o.buf = appendInt(o.buf, value)
}

func (o *object) flag(name string, value bool) {
	o.key(name)
	if value {
		o.buf = append(o.buf, "true"...)
	} else {
		o.buf = append(o.buf, "false"...)
	}
}

func (o *object) identity(name string, id Identity) {
	o.key(name)
	o.buf = append(o.buf, '{')
	o.number("pid", int64(id.PID))
	o.number("start", int64(id.Start))
	o.buf = append(o.buf, '}')
}

// quote appends a JSON string. Bytes that are no UTF-8 become U+FFFD.
func quote(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	buf = append(buf, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			buf = append(buf, '\\', byte(r))
		case r < 0x20:
			buf = append(buf, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			buf = append(buf, string(r)...)
		}
	}
	return append(buf, '"')
}

func (r Record) appendJSON(buf []byte) []byte {
	o := object{append(buf, '{')}
	o.text("boot_id", r.BootID)
	o.identity("shim", r.Shim)
	o.identity("task", r.Task)
	o.text("started", r.Started.Format(time.RFC3339Nano))
	return append(o.buf, '}')
}

func (s Status) appendJSON(buf []byte) []byte {
	o := object{append(buf, '{')}
	o.key("record")
	o.buf = s.Record.appendJSON(o.buf)
	o.text("error", s.Error)
	o.number("errno", int64(s.Errno))
	return append(o.buf, '}')
}

func (e Exit) appendJSON(buf []byte) []byte {
	o := object{append(buf, '{')}
	o.text("reason", e.Reason)
	o.number("code", int64(e.Code))
	o.number("signal", int64(e.Signal))
	o.flag("core", e.Core)
	o.text("error", e.Error)
	o.number("user_ns", int64(e.UserTime))
	o.number("sys_ns", int64(e.SysTime))
	o.number("max_rss_bytes", e.MaxRSS)
	o.number("memory_limit", e.Memory)
	o.number("left", int64(e.Left))
	o.text("started", e.Started.Format(time.RFC3339Nano))
	o.text("ended", e.Ended.Format(time.RFC3339Nano))
	return append(o.buf, '}')
}

// WriteExit records how an execution ended.
func WriteExit(folder string, e Exit) error {
	return writeOver(ExitPath(folder), e.appendJSON(nil))
}

// WriteSpec writes what a shim is to read into an empty file.
func WriteSpec(file *os.File, s Spec) error {
	_, err := file.Write(s.encode())
	return err
}

// ReadSpec reads it back; os.ErrNotExist if there is none, ErrSpec if it is cut
// short or of another version.
func ReadSpec(folder string) (Spec, error) {
	data, err := os.ReadFile(SpecPath(folder))
	if err != nil {
		return Spec{}, err
	}
	return decodeSpec(data)
}

// specVersion begins a spec, so that a newer binary knows an older one's: a
// manager that was upgraded adopts what the one before it started.
const specVersion, specVersion1 = "agata-spec-2", "agata-spec-1"

// encode writes every value as text ended by a NUL byte, which none may hold; a
// list is its length and its values.
func (s Spec) encode() []byte {
	var buf []byte
	put := func(values ...string) {
		for _, v := range values {
			buf = append(append(buf, v...), 0)
		}
	}
	num := func(values ...int64) {
		for _, v := range values {
			put(string(appendInt(nil, v)))
		}
	}
	put(specVersion, s.ID, s.TaskID, s.Path, s.Dir)
	num(int64(s.Grace), int64(s.Linger), s.Limits.LogBytes, int64(s.Limits.OpenFiles),
		int64(s.Limits.AddressSpace), int64(s.Limits.Nice), int64(s.Limits.OOMScoreAdj))
	num(int64(len(s.Argv)))
	put(s.Argv...)
	num(int64(len(s.Env)))
	put(s.Env...)
	num(int64(len(s.Labels)))
	for k, v := range s.Labels {
		put(k, v)
	}
	num(s.Limits.Memory, int64(s.Limits.CPUPercent), s.Limits.Processes, s.Limits.FileBytes)
	put(s.Scratch, s.Cgroup)
	num(int64(len(s.Account)))
	for _, id := range s.Account {
		num(int64(id))
	}
	return buf
}

// ErrSpec is a spec that cannot be understood.
var ErrSpec = errors.New("the spec of this execution is damaged or of another version")

func decodeSpec(data []byte) (s Spec, err error) {
	rest, ok := string(data), true
	text := func() string {
		value, after, found := cut(rest, 0)
		ok, rest = ok && found, after
		return value
	}
	num := func() int64 {
		n, valid := parseInt(text())
		ok = ok && valid
		return n
	}
	list := func(width int64) (values []string) {
		n := num()
		if ok = ok && n >= 0 && n <= int64(len(rest))/width; !ok {
			return nil
		}
		for range n * width {
			values = append(values, text())
		}
		return values
	}
	version := text()
	ok = version == specVersion || version == specVersion1
	s.ID, s.TaskID, s.Path, s.Dir = text(), text(), text(), text()
	s.Grace, s.Linger = time.Duration(num()), time.Duration(num())
	s.Limits = Limits{LogBytes: num(), OpenFiles: uint64(num()), AddressSpace: uint64(num()), Nice: int(num()), OOMScoreAdj: int(num())}
	s.Argv, s.Env = list(1), list(1)
	pairs := list(2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[pairs[i]] = pairs[i+1]
	}
	if version == specVersion {
		s.Limits.Memory, s.Limits.CPUPercent, s.Limits.Processes, s.Limits.FileBytes = num(), int(num()), num(), num()
		s.Scratch, s.Cgroup = text(), text()
		for _, id := range list(1) {
			n, valid := parseInt(id)
			ok = ok && valid && n >= 0 && n < 1<<32
			s.Account = append(s.Account, uint32(n))
		}
	}
	if !ok || rest != "" || len(s.Argv) == 0 {
		return Spec{}, ErrSpec
	}
	return s, nil
}
