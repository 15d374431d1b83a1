package clienttaskmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxInfo bounds the file, in bytes.
	maxInfo = 1 << 20
	// doubtful is how long after it was told a silent cloud is taken to know the
	// client still: one that is overrun must not be told all by all again and again.
	doubtful = time.Minute
)

// infoFile is the client's description of itself, that its tasks may change:
// <work>/client_info/<user_id>_info.json.
type infoFile struct {
	path   string
	userID string
	sent   []byte // what the cloud knows; nil when it may know nothing
	sentAt time.Time
}

// newInfoFile writes the configured values over those that tasks left behind.
func newInfoFile(work, userID string, configured map[string]any) (*infoFile, error) {
	f := &infoFile{path: filepath.Join(work, "client_info", userID+"_info.json"), userID: userID}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of client information: %w", err)
	}
	info := map[string]any{"avg_acc_contrib": nil, "avg_disconnection_per_round": nil}
	if old, _, err := f.read(); err == nil {
		maps.Copy(info, old)
	}
	maps.Copy(info, configured)
	info["user_id"] = userID
	return f, f.write(info)
}

func (f *infoFile) write(info map[string]any) error {
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the client's information: %w", err)
	}
	// A name that no task has put a link at.
	tmp, err := os.CreateTemp(filepath.Dir(f.path), ".info-*.tmp")
	if err != nil {
		return fmt.Errorf("write the client's information: %w", err)
	}
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the client's information: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}

func (f *infoFile) read() (map[string]any, []byte, error) {
	b, err := shim.ReadFile(f.path, maxInfo) // tasks may write it, and what it is
	if err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var info map[string]any
	if err := d.Decode(&info); err != nil {
		return nil, nil, fmt.Errorf("%s is not a JSON object: %w", f.path, err)
	}
	if info == nil {
		return nil, nil, fmt.Errorf("%s holds null, not a JSON object", f.path)
	}
	return info, b, nil
}

// changed returns the request that tells the cloud what it does not know yet,
// and what to hand to [infoFile.told] once it was told. nil: nothing is new.
func (f *infoFile) changed() (*contract.UpdateUserRequest, []byte, error) {
	info, raw, err := f.read()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s is gone; restart the client to write it anew: %w", f.path, err)
		}
		return nil, nil, err
	}
	if f.sent != nil && bytes.Equal(raw, f.sent) {
		return nil, nil, nil
	}
	req, err := f.request(info)
	return req, raw, err
}

func (f *infoFile) told(raw []byte) { f.sent, f.sentAt = raw, time.Now() }

// doubt makes a cycle tell everything again if that was told some time ago.
func (f *infoFile) doubt() {
	if time.Since(f.sentAt) > doubtful {
		f.forget()
	}
}

// forget makes the next cycle tell everything again.
func (f *infoFile) forget() { f.sent = nil }

func (f *infoFile) request(info map[string]any) (*contract.UpdateUserRequest, error) {
	req := &contract.UpdateUserRequest{UserID: f.userID}
	for key, value := range info {
		var err error
		switch key {
		case "user_id", "ID":
		case "data_qnt":
			req.DataQnt, err = integer(value)
		case "avg_acc_contrib":
			req.AvgAccContrib, err = number(value)
		case "avg_disconnection_per_round":
			req.AvgDisconnectionPerRound, err = number(value)
		case "sensors":
			req.Sensors, err = texts(value)
		default:
			if req.Attributes == nil {
				req.Attributes = make(map[string]any)
			}
			req.Attributes[key] = value
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.path, key, err)
		}
	}
	return req, nil
}

func number(v any) (*float64, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case json.Number:
		n, err := v.Float64()
		return &n, err
	}
	return nil, fmt.Errorf("%v is not a number", v)
}

func integer(v any) (*int64, error) {
	n, err := number(v)
	if n == nil || err != nil {
		return nil, err
	}
	if *n != math.Trunc(*n) || math.Abs(*n) > 1<<53 {
		return nil, fmt.Errorf("%v is not a whole number", *n)
	}
	i := int64(*n)
	return &i, nil
}

func texts(v any) (*[]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%v is not a list", v)
	}
	out := make([]string, len(list))
	for i, item := range list {
		if out[i], ok = item.(string); !ok {
			return nil, fmt.Errorf("%v is not a text", item)
		}
	}
	return &out, nil
}
