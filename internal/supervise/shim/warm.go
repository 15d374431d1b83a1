package shim

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// orderBound is how long an interpreter that waits may take for its order. It has
// little to do; one that is stuck must not hold up a start.
const orderBound = 3 * time.Second

var (
	errNotReady = errors.New("it has not imported everything yet")
	errNoAnswer = errors.New("it gave no answer")
)

// interpreter is a task's process before it has a task: it waits on a socket, has
// run nothing of any task's, and becomes one task, once.
type interpreter struct {
	pid   int
	talk  int           // our end of its socket
	ready chan struct{} // closed when it has said that it is ready
	oom   string        // the score that a task is born with
}

// heat starts the interpreter that the spec in a folder describes. What becomes of
// its imports is told on status, by a thread of its own: this one waits for orders.
func heat(folder string, status *os.File, low bool) *interpreter {
	refuse := func(stage string, err error) *interpreter {
		_, _ = status.Write(Status{Error: stage + ": " + err.Error()}.appendJSON(nil))
		_ = status.Close()
		return nil
	}
	spec, err := ReadSpec(folder)
	if err != nil {
		return refuse("read the spec", err)
	}
	outputs, err := openOutputs(folder)
	if err != nil {
		return refuse("open the output files", err)
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return refuse("make a socket for an interpreter", err)
	}
	w := &interpreter{talk: pair[0], ready: make(chan struct{})}
	theirs := os.NewFile(uintptr(pair[1]), "orders of an interpreter")
	w.pid, err = start(spec, outputs, theirs)
	for _, file := range append(outputs, theirs) {
		_ = file.Close()
	}
	if err != nil {
		return refuse("exec "+spec.Path, err)
	}
	var rank lowered
	if low {
		rank = lower(w.pid, spec.Limits)
	}
	w.first()
	go func() {
		defer status.Close()
		err := w.listen()
		if err == nil {
			err = rank.raise(w.pid) // it only waits from now on
		}
		if err != nil {
			_, _ = status.Write(Status{Error: err.Error()}.appendJSON(nil))
			return
		}
		close(w.ready)
		_, _ = status.Write(Status{Record: Record{Task: Identify(w.pid)}}.appendJSON(nil))
	}()
	return w
}

// first makes the interpreter the first to go when memory ends, while it has no task.
func (w *interpreter) first() {
	before, err := os.ReadFile("/proc/" + itoa(w.pid) + "/oom_score_adj")
	if err == nil && putText(w.pid, "oom_score_adj", "1000") == nil {
		w.oom, _, _ = cut(string(before), '\n')
	}
}

// listen waits for the interpreter's answer: a plus, or a minus and a reason.
func (w *interpreter) listen() error {
	answer := make([]byte, 600)
	n, err := syscall.Read(w.talk, answer)
	for err == syscall.EINTR {
		n, err = syscall.Read(w.talk, answer)
	}
	switch {
	case err == syscall.EAGAIN:
		return errNoAnswer
	case err != nil:
		return err
	case n == 0:
		return errors.New("the interpreter ended")
	case answer[0] != '+':
		return errors.New(string(answer[1:n]))
	}
	return nil
}

// prepare makes the interpreter what the spec wants, up to its first instruction.
// After an error it is gone.
func (w *interpreter) prepare(spec Spec) error {
	err := w.tell(spec)
	if err != nil {
		w.end()
	}
	return err
}

func (w *interpreter) tell(spec Spec) error {
	select {
	case <-w.ready:
	default:
		return errNotReady
	}
	if w.oom != "" {
		if err := putText(w.pid, "oom_score_adj", w.oom); err != nil {
			return errRank
		}
	}
	bound := syscall.NsecToTimeval(int64(orderBound))
	for _, option := range []int{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} {
		if err := syscall.SetsockoptTimeval(w.talk, syscall.SOL_SOCKET, option, &bound); err != nil {
			return err
		}
	}
	var order []byte
	put := func(text string) { order = append(append(order, text...), 0) }
	put(spec.Dir)
	put(itoa(len(spec.Argv)))
	for _, text := range spec.Argv {
		put(text)
	}
	for _, entry := range spec.Env {
		if OfOneTask(entry) { // it has the rest
			put(entry)
		}
	}
	if err := w.send(append([]byte(itoa(len(order))+"\n"), order...)); err != nil {
		return err
	}
	return w.listen()
}

// begin lets the prepared interpreter run the task.
func (w *interpreter) begin() error {
	err := w.send([]byte("+"))
	if err != nil {
		w.end()
	}
	return errors.Join(err, syscall.Close(w.talk))
}

func (w *interpreter) send(data []byte) error {
	for len(data) > 0 {
		n, err := syscall.SendmsgN(w.talk, data, nil, nil, syscall.MSG_NOSIGNAL)
		if err == syscall.EAGAIN {
			return errNoAnswer
		}
		if err != nil && err != syscall.EINTR {
			return err
		}
		data = data[max(n, 0):]
	}
	return nil
}

// OfOneTask says whether an entry of an environment belongs to one execution alone.
func OfOneTask(entry string) bool {
	const ours = "AGATA_"
	name, _, _ := cut(entry, '=')
	return name == "TRACEPARENT" || len(name) > len(ours) && name[:len(ours)] == ours
}

// end kills the interpreter, with what its imports may have started, and waits for
// it. One that hangs in the kernel goes with this process.
func (w *interpreter) end() {
	for deadline := time.Now().Add(killBound); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		_ = syscall.Kill(-w.pid, syscall.SIGKILL)
		if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err == syscall.ECHILD {
			return
		}
	}
}
