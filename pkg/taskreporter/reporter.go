package taskreporter

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// Options says where a [Reporter] writes. The zero value is what a task wants.
type Options struct {
	// Writer takes the lines, one Write each. nil means the file that
	// [EnvReports] names or, without one, standard output. With io.Discard a
	// task that is run by hand says nothing.
	Writer io.Writer
	// Now is the clock of events; nil means time.Now.
	Now func() time.Time
}

// Reporter sends a task's reports. It is safe for concurrent use. Its methods
// return an error only when a line could not be written; a task may well ignore
// it, as reports are hints.
type Reporter struct {
	now  func() time.Time
	file *os.File // to close; nil if the writer is not ours

	mu sync.Mutex // keeps lines whole
	w  io.Writer
}

// New returns a reporter and reports [Started] through it.
func New(opts Options) (*Reporter, error) {
	r := &Reporter{w: opts.Writer, now: opts.Now}
	if r.now == nil {
		r.now = time.Now
	}
	if path := os.Getenv(EnvReports); r.w == nil && path != "" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the file for reports that %s names: %w", EnvReports, err)
		}
		r.w, r.file = f, f
	}
	if r.w == nil {
		r.w = os.Stdout
	}
	if err := r.SendInfo(Started); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// Close closes the file for reports, if New opened one.
func (r *Reporter) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Send writes any report as one line.
func (r *Reporter) Send(report Report) error {
	line, err := Encode(report)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.w.Write(line); err != nil {
		return fmt.Errorf("write a report of type %s: %w", report.Type(), err)
	}
	return nil
}

// SendStats reports what a round gave: its accuracy from 0 to 1.
func (r *Reporter) SendStats(round int, accuracy float64) error {
	return r.Send(Model{Round: strconv.Itoa(round), Accuracy: decimal(accuracy)})
}

// SendRound is [Reporter.SendStats] with the round's loss.
func (r *Reporter) SendRound(round int, accuracy, loss float64) error {
	return r.Send(Model{strconv.Itoa(round), decimal(accuracy), decimal(loss)})
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// SendInfo reports a text for people.
func (r *Reporter) SendInfo(text string) error { return r.Send(Info{text}) }

// SendPrint reports a line for the task's log.
func (r *Reporter) SendPrint(message string) error { return r.Send(Print{message}) }

// SendError reports that the task failed of err, which must not be nil: this
// client will not run the task again. Do not send it for a server that cannot be
// reached; a process that just exits non-zero may be tried again.
func (r *Reporter) SendError(err error) error { return r.Send(Error{err.Error()}) }

// Trigger asks for a run of one of the task's own programs. Server side only.
func (r *Reporter) Trigger(name, arguments string) error {
	return r.Send(Trigger{name, arguments})
}

// RegisterEvent puts a text on the platform's timeline, timed now.
func (r *Reporter) RegisterEvent(service, function, text string) error {
	return r.Send(Event{r.now(), service, function, text})
}

// Finished reports that the task is done; its manager may then stop the process.
func (r *Reporter) Finished() error { return r.Send(Info{Finished}) }
