package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestClientsReport(t *testing.T) {
	w := newWorld(t, nil)
	w.cloud.with(func(c *cloud) { c.users["c1"] = contract.User{ID: "c1"} })
	report := contract.ClientReport{Records: []contract.Record{
		event("t1", "somebody else", "news"),
		{ID: uuid.NewString(), Kind: contract.RecordClient, Time: event("", "", "").Time, State: &contract.ClientState{UserID: "x", Policy: "one",
			Quarantined: []contract.QuarantinedFor{{TaskID: "t1", Reason: "report_error", Until: event("", "", "").Time + 60}}}},
		{ID: "nonsense", Kind: "else", Time: 1},
	}}
	for range 2 { // the second time changes nothing
		a := w.ask("POST", "/clients/c1/records", report)
		if answer := decode[contract.ClientAnswer](w, a, 200); answer.Commands == nil || len(answer.Commands) != 0 {
			t.Errorf("got %s", a.body)
		}
	}
	page := decode[EventList](w, w.ask("GET", "/events", nil), 200)
	if len(page.Events) != 1 || page.Events[0].Client != "c1" || page.Events[0].Event.Event != "news" {
		t.Errorf("got %+v", page)
	}
	client := decode[ClientDetail](w, w.ask("GET", "/clients/c1", nil), 200)
	if !client.Online || client.State == nil || client.State.UserID != "c1" || len(client.State.Quarantined) != 1 || client.State.Running == nil {
		t.Errorf("got %+v", client)
	}
	line := decode[ClientList](w, w.ask("GET", "/clients", nil), 200)
	if len(line.Clients) != 1 || line.Clients[0].Quarantined != 1 || line.Clients[0].Policy != "one" || !line.Clients[0].Online {
		t.Errorf("got %+v", line)
	}

	// A command waits until the client has told how it went.
	a := w.ask("POST", "/clients/c1/quarantine/t1/release", nil, "Idempotency-Key", "r1")
	command := decode[history.CommandView](w, a, 202)
	if command.State != "pending" || command.Client != "c1" || command.Task != "t1" || command.Kind != "release" || a.header.Get("Location") != "/api/v1/commands/"+command.ID {
		t.Errorf("got %v %+v", a.header, command)
	}
	if a := w.ask("POST", "/clients/c1/quarantine/t1/release", nil, "Idempotency-Key", "r1"); a.status != 202 || !strings.Contains(a.body, command.ID) {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for range 2 {
		answer := decode[contract.ClientAnswer](w, w.ask("POST", "/clients/c1/records", contract.ClientReport{}), 200)
		if len(answer.Commands) != 1 || answer.Commands[0].ID != command.ID {
			t.Errorf("got %+v", answer)
		}
	}
	done := contract.ClientReport{Done: []contract.CommandResult{{ID: command.ID}}}
	if answer := decode[contract.ClientAnswer](w, w.ask("POST", "/clients/c1/records", done), 200); len(answer.Commands) != 0 {
		t.Errorf("got %+v", answer)
	}
	if command := decode[history.CommandView](w, w.ask("GET", "/commands/"+command.ID, nil), 200); command.State != "done" || command.Ended == 0 {
		t.Errorf("got %+v", command)
	}
	w.wantProblem(w.ask("GET", "/commands/none", nil), 404, "not_found")
	w.wantProblem(w.ask("POST", "/clients/nobody/quarantine/t1/release", nil), 404, "not_found")
	w.wantProblem(w.ask("GET", "/clients/nobody", nil), 404, "not_found")
	for range 101 {
		a = w.ask("POST", "/clients/c1/quarantine/t1/release", nil)
	}
	w.wantProblem(a, 409, "conflict")
}

func TestReportsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	many := contract.ClientReport{Records: make([]contract.Record, maxRecords+1)}
	w.wantProblem(w.ask("POST", "/clients/c1/records", many), 413, "too_large")
	w.wantProblem(w.ask("POST", "/clients/c1/records", `{"records":["`+strings.Repeat("x", maxReport)+`"]}`), 413, "too_large")
	w.wantProblem(w.ask("POST", "/clients/c1/records", `{"records":{}}`), 400, "invalid")
	w.wantProblem(w.ask("POST", "/clients/c1/records", `[`), 400, "invalid")
	w.wantProblem(w.ask("POST", "/clients/"+strings.Repeat("c", 257)+"/records", `{}`), 400, "invalid")
	w.wantProblem(w.ask("POST", "/clients/c1/records", `{}`, "Content-Type", "text/plain"), 415, "unsupported_media_type")
}

func TestRecordsOfTheQueueAreStored(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, o amqpx.Options) {
		tr := brokertest.Connect(t, o)
		store, err := history.Open(t.Context(), t.TempDir()+"/history.db", history.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}()
		a, err := New(Options{Transport: tr, History: store, Schemas: brokertest.Schemas(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		stop := brokertest.Run(t, "ingestion", a.Ingest)
		publish := func(records ...contract.Record) {
			t.Helper()
			bodies := [][]byte{[]byte("no record"), []byte(`{"kind":7}`), []byte(`{"kind":"event"}`)}
			for _, r := range records {
				b, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				bodies = append(bodies, b)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := tr.Publish(ctx, contract.RecordsQueue, bodies...); err != nil {
				t.Fatal(err)
			}
		}
		stored := func(n int64) {
			t.Helper()
			testenv.Eventually(t, 20*time.Second, "the records are stored", func() bool { return store.LastSeq() == n })
		}
		twice := event("t1", "", "twice")
		publish(event("t1", "", "a"), twice, twice)
		stored(2)
		stop()
		publish(event("t1", "", "while nobody reads"))
		stop = brokertest.Run(t, "ingestion", a.Ingest)
		stored(3)
		stop()
	})
}

// TestRecordsWaitForTheHistory: what cannot be stored stays.
func TestRecordsWaitForTheHistory(t *testing.T) {
	w := newWorld(t, nil)
	body, err := json.Marshal(event("t1", "", "a"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.api.ingest(ctx, [][]byte{body}); err == nil {
		t.Error("a batch that was not stored is acknowledged")
	}
	if err := w.api.ingest(t.Context(), [][]byte{body}); err != nil || w.store.LastSeq() != 1 {
		t.Errorf("%v, seq %d", err, w.store.LastSeq())
	}
}
