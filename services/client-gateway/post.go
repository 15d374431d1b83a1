package clientgateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxRecords bounds the records of a report, and maxReport its body, in bytes.
	maxRecords = 500
	maxPlace   = 64 // of the list of revocations, in bytes
	maxReport  = baseservice.MaxBody
	// postTimeout bounds a report and its answer.
	postTimeout = 15 * time.Second
)

// clientPath is where all is that concerns one client.
func clientPath(userID string) string { return "/api/v1/clients/" + url.PathEscape(userID) }

// refusal is an answer that will not change for the same report: what it holds is
// wrong, or the cloud knows of no reports.
type refusal struct {
	status string
	text   []byte
}

// Error says what the cloud answered.
func (r *refusal) Error() string { return fmt.Sprintf("status %s: %.200q", r.status, r.text) }

func isRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// post sends a [contract.ClientReport] once. The commands of the answer wait in todo.
func (c *courier) post(ctx context.Context, records [][]byte, done []contract.CommandResult) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	body, err := encode(records, done, c.revoked.place())
	if err != nil {
		return err
	}
	c.last = time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cloud.url+c.path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("report to the cloud: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	// Records are stored once, so the client may repeat the request on a fresh
	// connection when the cloud had just closed a kept one.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := c.cloud.client.Do(req)
	if err != nil {
		return fmt.Errorf("report to the cloud: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReport))
	if err != nil {
		return fmt.Errorf("read the answer to a report: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return &refusal{resp.Status, text}
	default:
		return fmt.Errorf("report to the cloud: status %s: %.200q", resp.Status, text)
	}
	commands, lacking, err := decodeAnswer(text)
	if err != nil {
		return fmt.Errorf("the answer to a report is not the cloud's (%.100q): %w", text, err)
	}
	c.took(len(records))
	c.revoked.lacking = lacking
	c.todo = append(c.todo, commands[:min(len(commands), maxCommands)]...)
	return nil
}

// decodeAnswer reads a [contract.ClientAnswer]. What does not name commands is
// another's answer: nothing was taken by whoever gave it.
func decodeAnswer(text []byte) ([]contract.Command, *contract.RevocationList, error) {
	var answer struct {
		Commands    json.RawMessage          `json:"commands"`
		Revocations *contract.RevocationList `json:"revocations"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, nil, err
	}
	if answer.Commands == nil {
		return nil, nil, errors.New("it has no commands")
	}
	var commands []contract.Command
	if err := json.Unmarshal(answer.Commands, &commands); err != nil {
		return nil, nil, err
	}
	return commands, answer.Revocations, nil
}

// encode writes a report around records that are encoded already. revocations is
// how far the client has come in the list of these.
func encode(records [][]byte, done []contract.CommandResult, revocations string) ([]byte, error) {
	b := append([]byte(`{"records":[`), bytes.Join(records, []byte{','})...)
	b = append(b, ']')
	if len(done) > 0 {
		d, err := json.Marshal(done)
		if err != nil {
			return nil, fmt.Errorf("encode the outcome of commands: %w", err)
		}
		b = append(append(b, `,"done":`...), d...)
	}
	r, err := json.Marshal(revocations)
	if err != nil {
		return nil, fmt.Errorf("encode the place in the list of revocations: %w", err)
	}
	return append(append(append(b, `,"revocations":`...), r...), '}'), nil
}

// fitting tells how many of the first records make a report; at least one.
func fitting(records [][]byte) int {
	size := len(`{"records":[],"revocations":""}`) + maxPlace
	for n, r := range records {
		if size += len(r) + 1; n > 0 && (n == maxRecords || size > maxReport) {
			return n
		}
	}
	return len(records)
}

// sound drops the messages that would spoil a whole report: anybody may put
// something on a queue.
func (c *courier) sound(bodies [][]byte) [][]byte {
	var records [][]byte
	for _, b := range bodies {
		b = bytes.TrimSpace(b)
		if len(b) > 0 && b[0] == '{' && utf8.Valid(b) && json.Valid(b) {
			records = append(records, b)
			continue
		}
		c.log.Warn("a message on the queue of records is none; it is given up", "message", fmt.Sprintf("%.100q", b))
		c.told.WithLabelValues("refused").Inc()
	}
	return records
}
