package api

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// serveRevocations is the task manager's list.
func (c *cloud) serveRevocations(s *baseservice.Service) {
	var all []contract.Revocation
	on(c, s, contract.RevokeBundle, func(r contract.RevokeRequest) (none contract.None, err error) {
		for _, known := range all {
			if known.Digest == r.Digest {
				return none, nil
			}
		}
		all = append(all, contract.Revocation{Digest: r.Digest, TaskID: r.TaskID, Reason: r.Reason, Revoked: max(c.now, 1)})
		return none, nil
	})
	on(c, s, contract.ListRevocations, func(r contract.RevocationsRequest) (contract.RevocationList, error) {
		text, _ := strings.CutPrefix(r.After, "list.")
		from, _ := strconv.Atoi(text)
		to := min(len(all), from+r.Limit)
		return contract.RevocationList{Revocations: append([]contract.Revocation{}, all[from:to]...), Next: fmt.Sprintf("list.%d", to), Total: len(all)}, nil
	})
}

func TestRevocations(t *testing.T) {
	clock := time.Now()
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	digest := func(n int) string { return fmt.Sprintf("%064x", n) }
	report := func(place *string) contract.ClientAnswer {
		t.Helper()
		return decode[contract.ClientAnswer](w, w.ask("POST", "/clients/c1/records", contract.ClientReport{Revocations: place}), 200)
	}
	place := ""
	if answer := report(&place); answer.Revocations == nil || len(answer.Revocations.Revocations) != 0 || answer.Revocations.Next != "list.0" {
		t.Fatalf("got %+v", answer)
	}
	place = "list.0"
	if answer := report(&place); answer.Revocations != nil {
		t.Errorf("got %+v", answer.Revocations)
	}
	for n := range 3 {
		if a := w.ask("POST", "/revocations", map[string]string{"digest": digest(n), "task_id": "t1", "reason": "a leak"}); a.status != 204 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	first := decode[RevocationPage](w, w.ask("GET", "/revocations?limit=2", nil), 200)
	if len(first.Revocations) != 2 || first.Total != 3 || first.Revocations[0].Reason != "a leak" {
		t.Errorf("got %+v", first)
	}
	if rest := decode[RevocationPage](w, w.ask("GET", "/revocations?limit=2&cursor="+first.Next, nil), 200); len(rest.Revocations) != 1 || rest.Next != "" {
		t.Errorf("got %+v", rest)
	}

	// The next report brings what the client lacks, and no more than it needs.
	answer := report(&place)
	if list := answer.Revocations; list == nil || len(list.Revocations) != 3 || list.Revocations[0] != (contract.Revocation{Digest: digest(0), Revoked: 1}) {
		t.Fatalf("got %+v", answer.Revocations)
	}
	place = answer.Revocations.Next
	if answer := report(&place); answer.Revocations != nil {
		t.Errorf("got %+v", answer.Revocations)
	}
	if answer := report(nil); answer.Revocations != nil {
		t.Errorf("a client that knows of no revocations is told: %+v", answer.Revocations)
	}
	// A client that was heard of lately is told by a command, for its downlink.
	testenv.Eventually(t, 20*time.Second, "three commands wait", func() bool { return len(report(&place).Commands) == 3 })
	if c := report(&place).Commands[0]; c.Kind != contract.CommandRevoke || c.Task != "t1" || c.Digest != digest(0) {
		t.Errorf("got %+v", c)
	}
	clock = clock.Add(time.Hour)
	if a := w.ask("POST", "/revocations", map[string]string{"digest": digest(3)}); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w.api.beside.Wait()
	if got := report(&place); len(got.Commands) != 3 || got.Revocations == nil || len(got.Revocations.Revocations) != 1 {
		t.Errorf("a client that was away: %+v", got)
	}

	for body, field := range map[string]string{`{}`: "digest", `{"digest":"x"}`: "digest", `{"digest":"` + digest(1) + `","others":[]}`: "others"} {
		if p := w.wantProblem(w.ask("POST", "/revocations", body), 400, "invalid"); p.Fields[field] == "" {
			t.Errorf("%s: %+v", body, p)
		}
	}
}

// While the task manager is away reports are taken all the same, and soon.
func TestReportsDoNotWaitForRevocations(t *testing.T) {
	clock := time.Now()
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	w.cloud.with(func(c *cloud) { c.refuses[contract.ListRevocations.Name] = rpc.Errorf(rpc.Unavailable, "no disk") })
	place := ""
	for range 3 {
		if answer := decode[contract.ClientAnswer](w, w.ask("POST", "/clients/c1/records", contract.ClientReport{Revocations: &place}), 200); answer.Revocations != nil {
			t.Errorf("got %+v", answer)
		}
	}
	w.cloud.with(func(c *cloud) {
		if n := c.calls[contract.ListRevocations.Name]; n == 0 || n > 3 { // a call may be repeated, since it is idempotent
			t.Errorf("three reports at a moment made %d calls", n)
		}
		delete(c.refuses, contract.ListRevocations.Name)
	})
	clock = clock.Add(revokedAgain)
	if answer := decode[contract.ClientAnswer](w, w.ask("POST", "/clients/c1/records", contract.ClientReport{Revocations: &place}), 200); answer.Revocations == nil {
		t.Error("not told when the task manager is back")
	}
}
