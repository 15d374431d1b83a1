package clientgateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const patience = 20 * time.Second

// history plays the cloud gateway: it keeps what it is told, as far as answer,
// when set, does not answer something else.
type history struct {
	*httptest.Server

	mu       sync.Mutex
	answer   func(http.ResponseWriter, contract.ClientReport) bool
	commands []contract.Command // that wait
	posts    []contract.ClientReport
	sizes    []int
	taken    []contract.Record
	done     []contract.CommandResult
	lacking  func(place *string) *contract.RevocationList // nil: nothing is revoked
}

func newHistory(t *testing.T) *history {
	h := &history{}
	h.Server = cloudOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+contract.RequestTasks.Name {
			fmt.Fprint(w, "[]")
			return
		}
		if strings.HasSuffix(r.URL.Path, "/downlink") { // of which this cloud knows nothing
			http.NotFound(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		var report contract.ClientReport
		if err == nil {
			err = json.Unmarshal(body, &report)
		}
		if err != nil || r.URL.EscapedPath() != "/api/v1/clients/ada%20&%20eve/records" || r.Method != http.MethodPost || report.Records == nil {
			t.Errorf("%s %s: %.200s, %v", r.Method, r.URL, body, err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.posts, h.sizes = append(h.posts, report), append(h.sizes, len(body))
		if h.answer != nil && h.answer(w, report) {
			return
		}
		h.taken, h.done = append(h.taken, report.Records...), append(h.done, report.Done...)
		answer := contract.ClientAnswer{Commands: h.commands}
		if h.lacking != nil {
			answer.Revocations = h.lacking(report.Revocations)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	})
	return h
}

// set changes what is answered from now on.
func (h *history) set(answer func(http.ResponseWriter, contract.ClientReport) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

func status(code int) func(http.ResponseWriter, contract.ClientReport) bool {
	return func(w http.ResponseWriter, _ contract.ClientReport) bool {
		w.WriteHeader(code)
		fmt.Fprint(w, `"no"`)
		return true
	}
}

func (h *history) postsSoFar() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.posts)
}

// ids are those of the records that were taken, each once, in order.
func (h *history) ids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for _, r := range h.taken {
		if !slices.Contains(list, r.ID) {
			list = append(list, r.ID)
		}
	}
	return list
}

// report runs a client gateway of client "ada & eve" that tells h.
func report(t *testing.T, h *history, broker amqpx.Options, interval time.Duration) (stop func()) {
	t.Helper()
	s, err := New(Options{URL: h.URL, UserID: "ada & eve", Interval: interval,
		Base: baseservice.Options{Transport: brokertest.Connect(t, broker), Schemas: brokertest.Schemas(t), Records: true, Client: "ada & eve"}})
	if err != nil {
		t.Fatal(err)
	}
	stop = brokertest.Run(t, "client gateway", s.Run)
	brokertest.Wait(t, "the start of the client gateway", s.Started())
	return stop
}

// tell puts n records on the broker; their ids are the prefix and a number.
func tell(t *testing.T, tr *amqpx.Transport, prefix string, n int) (ids []string) {
	t.Helper()
	var bodies [][]byte
	for i := range n {
		id := fmt.Sprint(prefix, i)
		b, err := json.Marshal(contract.Record{ID: id, Kind: contract.RecordRound, Time: 1, Client: "ada & eve",
			Round: &contract.Round{Side: contract.SideClient, Round: fmt.Sprint(i), Acc: "0.5"}})
		if err != nil {
			t.Fatal(err)
		}
		ids, bodies = append(ids, id), append(bodies, b)
	}
	if err := tr.Publish(t.Context(), contract.RecordsQueue, bodies...); err != nil {
		t.Fatal(err)
	}
	return ids
}

// arrive waits until the cloud has all of these, in order.
func (h *history) arrive(t *testing.T, ids []string) {
	t.Helper()
	var got []string
	testenv.Eventually(t, patience, fmt.Sprintf("%d records arrive", len(ids)), func() bool {
		got = slices.DeleteFunc(h.ids(), func(id string) bool { return !slices.Contains(ids, id) })
		return len(got) == len(ids)
	})
	if !slices.Equal(got, ids) {
		t.Errorf("the records came in another order: %q", got)
	}
}

// left reads what is on the queue of records when nobody else does.
func left(t *testing.T, tr *amqpx.Transport) (ids []string) {
	t.Helper()
	tell(t, tr, "end", 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := tr.SubscribeBatch(ctx, contract.RecordsQueue, func(bodies [][]byte) error {
		for _, b := range bodies {
			var r contract.Record
			if err := json.Unmarshal(b, &r); err != nil {
				return err
			}
			if r.ID == "end0" {
				cancel()
			} else if r.Kind == contract.RecordRound {
				ids = append(ids, r.ID)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestWhatHappensReachesTheCloud(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		tr, h := brokertest.Connect(t, broker), newHistory(t)
		early := tell(t, tr, "early", 10) // before there is a gateway
		stop := report(t, h, broker, time.Minute)
		h.arrive(t, early)
		began, before := time.Now(), h.postsSoFar()
		many := tell(t, tr, "many", 2500)
		h.arrive(t, many)
		took, posts := time.Since(began), h.postsSoFar()-before
		t.Logf("2500 records in %d reports within %s", posts, took)
		if most := int(took/pace) + 12; posts > most {
			t.Errorf("2500 records took %d reports in %s, at most %d are meant to be", posts, took, most)
		}
		stop()
		for i, p := range h.posts {
			if len(p.Records) > maxRecords || h.sizes[i] > maxReport {
				t.Errorf("a report has %d records, %d bytes", len(p.Records), h.sizes[i])
			}
		}
		if ids := left(t, tr); len(ids) > 0 {
			t.Errorf("%d records were told and not acknowledged", len(ids))
		}
		// The gateway's own last event went as well.
		if last := h.taken[len(h.taken)-1]; last.Event == nil || last.Event.Event != "Interrupted" {
			t.Errorf("the last record is %+v", last)
		}
	})
}

func TestALargeReportIsSplitBySize(t *testing.T) {
	var records [][]byte
	for range 12 {
		records = append(records, []byte(`"`+strings.Repeat("x", 200<<10)+`"`))
	}
	records[6] = []byte(`"` + strings.Repeat("x", 2*maxReport) + `"`)
	for _, want := range []int{5, 1, 1, 5} {
		n := fitting(records)
		body, err := encode(records[:n], nil, strings.Repeat("x", maxPlace))
		if n != want || err != nil || n > 1 && len(body) > maxReport {
			t.Errorf("%d records of %d bytes, %v; want %d", n, len(body), err, want)
		}
		records = records[n:]
	}
	if n := fitting(slices.Repeat([][]byte{[]byte("1")}, 2*maxRecords)); n != maxRecords {
		t.Errorf("a report has %d records", n)
	}
}

func TestTheClientIsHeardOf(t *testing.T) {
	broker, h := brokertest.Embedded(t), newHistory(t)
	report(t, h, broker, 250*time.Millisecond)
	began := h.postsSoFar()
	testenv.Eventually(t, patience, "reports come though nothing happens", func() bool { return h.postsSoFar() >= began+4 })
}

// Whatever the cloud does, what happened meanwhile is told in the end, and the
// functions go on.
func TestTheCloudIsAwayForAWhile(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, contract.ClientReport) bool{
		"unavailable": status(http.StatusServiceUnavailable),
		"forbidden":   status(http.StatusForbidden),
		"redirection": status(http.StatusFound),
		"another's page": func(w http.ResponseWriter, _ contract.ClientReport) bool {
			fmt.Fprint(w, "<html>")
			return true
		},
		"another's null": func(w http.ResponseWriter, _ contract.ClientReport) bool {
			fmt.Fprint(w, "null")
			return true
		},
		"hangs up": func(http.ResponseWriter, contract.ClientReport) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker, h := brokertest.Embedded(t), newHistory(t)
			tr := brokertest.Connect(t, broker)
			h.set(answer)
			report(t, h, broker, 100*time.Millisecond)
			ids := tell(t, tr, "r", 20)
			time.Sleep(time.Second)
			if n := h.postsSoFar(); n == 0 || n > 10 {
				t.Errorf("%d reports were tried in a second", n)
			}
			if v, err := raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second); err != nil || v != "[]" {
				t.Errorf("the function meanwhile: %s, %v", v, err)
			}
			h.set(nil)
			h.arrive(t, ids)
		})
	}
}

// An older cloud is asked seldom; nothing is thrown away for it.
func TestAnOlderCloudTakesNoReports(t *testing.T) {
	for _, code := range []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			broker, h := brokertest.Embedded(t), newHistory(t)
			tr := brokertest.Connect(t, broker)
			h.set(status(code))
			stop := report(t, h, broker, 100*time.Millisecond)
			ids := tell(t, tr, "r", 20)
			time.Sleep(time.Second)
			if n := h.postsSoFar(); n == 0 || n > 3 {
				t.Errorf("%d reports were tried in a second", n)
			}
			if v, err := raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second); err != nil || v != "[]" {
				t.Errorf("the function meanwhile: %s, %v", v, err)
			}
			began := time.Now()
			stop()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the stop took %s", took)
			}
			if got := left(t, tr); !slices.Equal(got, ids) {
				t.Errorf("of %d records %q are left", len(ids), got)
			}
		})
	}
}

func TestPauses(t *testing.T) {
	c := &courier{cloud: &cloud{}, log: slog.New(slog.DiscardHandler)}
	for _, tc := range []struct {
		err    error
		try    int
		lo, hi time.Duration
	}{
		{io.EOF, 0, awayFirst / 2, awayFirst}, {io.EOF, 100, awayMost / 2, awayMost},
		{&refusal{}, 0, absentFirst / 2, absentFirst}, {&refusal{}, 100, absentMost / 2, absentMost},
	} {
		if d := c.pause(tc.err, tc.try); d < tc.lo || d > tc.hi {
			t.Errorf("after %v, try %d: %s, want %s to %s", tc.err, tc.try, d, tc.lo, tc.hi)
		}
	}
}

// A record that the cloud will never take does not stand in the way of others.
func TestAWaitEndsWhenTheCloudIsHeardOf(t *testing.T) {
	for name, tc := range map[string]struct {
		trouble     trouble
		heard, want time.Duration
	}{
		"soon":                {away, 100 * time.Millisecond, awayFirst / 2},
		"later":               {away, 3 * time.Second, 3 * time.Second},
		"never":               {away, time.Hour, awayMost},
		"before":              {away, -1, awayMost},
		"it takes no reports": {absent, time.Second, awayMost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &courier{trouble: tc.trouble, stopping: make(chan struct{}), back: make(chan struct{}, 1)}
				if tc.heard < 0 {
					c.heard()
					c.heard() // never waits
				} else {
					defer time.AfterFunc(tc.heard, c.heard).Stop()
				}
				began := time.Now()
				if ok := c.waitOut(t.Context(), awayMost); !ok || time.Since(began) != tc.want {
					t.Errorf("waited for %s, %t", time.Since(began), ok)
				}
			})
		})
	}
}

func TestABadRecordIsGivenUp(t *testing.T) {
	for _, code := range []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusNotFound} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			broker, h := brokertest.Embedded(t), newHistory(t)
			tr := brokertest.Connect(t, broker)
			h.set(func(w http.ResponseWriter, r contract.ClientReport) bool {
				bad := slices.ContainsFunc(r.Records, func(r contract.Record) bool { return r.ID == "r13" || r.ID == "r77" })
				return bad && status(code)(w, r)
			})
			for _, garbage := range []string{"", "nonsense", "[]", `{"id":"x"`, "{\"id\":\"\xff\"}"} {
				if err := tr.Publish(t.Context(), contract.RecordsQueue, []byte(garbage)); err != nil {
					t.Fatal(err)
				}
			}
			ids := tell(t, tr, "r", 100)
			stop := report(t, h, broker, time.Minute)
			h.arrive(t, slices.DeleteFunc(ids, func(id string) bool { return id == "r13" || id == "r77" }))
			stop()
			if got := left(t, tr); len(got) > 0 {
				t.Errorf("these are left: %q", got)
			}
		})
	}
}

func TestCommandsAreCarriedOutOnce(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		var mu sync.Mutex
		var released []string
		manager, err := baseservice.New(baseservice.Options{Name: "client-task-manager", Transport: brokertest.Connect(t, broker), Schemas: brokertest.Schemas(t)})
		if err != nil {
			t.Fatal(err)
		}
		baseservice.Handle(manager, contract.ReleaseTask, func(_ context.Context, req contract.TaskIDRequest) (contract.None, error) {
			mu.Lock()
			defer mu.Unlock()
			released = append(released, req.TaskID)
			if req.TaskID == "free" {
				return contract.None{}, rpc.Errorf(rpc.NotFound, "task free is not in quarantine on this client")
			}
			return contract.None{}, nil
		})
		brokertest.Run(t, "client task manager", manager.Run)
		<-manager.Started()

		h := newHistory(t)
		h.commands = []contract.Command{
			{ID: "1", Kind: contract.CommandRelease, Task: "held"},
			{ID: "2", Kind: contract.CommandRelease, Task: "free"},
			{ID: "3", Kind: "dance", Task: "held"},
		}
		// The first outcomes are lost: the commands wait on, and come again.
		failures := 2
		h.set(func(w http.ResponseWriter, r contract.ClientReport) bool {
			if len(r.Done) == 0 {
				return false
			}
			if failures--; failures >= 0 {
				return status(http.StatusBadGateway)(w, r)
			}
			h.commands = nil
			return false
		})
		report(t, h, broker, 300*time.Millisecond)
		var done []contract.CommandResult
		testenv.Eventually(t, patience, "the outcomes arrive", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			done = slices.Clone(h.done)
			return len(done) >= 3
		})
		h.mu.Lock()
		h.commands = []contract.Command{{ID: "1", Kind: contract.CommandRelease, Task: "held"}} // once more, for whatever reason
		h.mu.Unlock()
		testenv.Eventually(t, patience, "the outcome comes again", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return slices.ContainsFunc(h.done[3:], func(r contract.CommandResult) bool { return r.ID == "1" })
		})
		if done[0] != (contract.CommandResult{ID: "1"}) || done[1] != (contract.CommandResult{ID: "2", Error: "task free is not in quarantine on this client"}) ||
			done[2].ID != "3" || !strings.Contains(done[2].Error, `"dance"`) {
			t.Errorf("the outcomes are %+v", done)
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(released, []string{"held", "free"}) {
			t.Errorf("released: %q", released)
		}
	})
}

// Without a task manager a command fails, and does not wait for ever.
func TestACommandThatNobodyCarriesOut(t *testing.T) {
	broker, h := brokertest.Embedded(t), newHistory(t)
	h.commands = []contract.Command{{ID: "1", Kind: contract.CommandRelease, Task: "a"}}
	report(t, h, broker, 300*time.Millisecond)
	testenv.Eventually(t, patience, "the outcome arrives", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.done) > 0 && strings.Contains(h.done[0].Error, "nobody serves "+contract.ReleaseTask.Name)
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	for _, seed := range []string{`{"commands":[]}`, `{"commands":null}`, `{}`, `null`, `{"commands":[{"id":"1","kind":"release","task":"a"}]}`, `{"commands":{}}`, `[`,
		`{"commands":[],"revocations":{"revocations":[{"digest":"00"}],"next":"a.1"}}`, `{"commands":[],"revocations":7}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		commands, _, err := decodeAnswer(text)
		if err == nil && !json.Valid(text) || err != nil && commands != nil {
			t.Errorf("%q: got %+v, %v", text, commands, err)
		}
	})
}
