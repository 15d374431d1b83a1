package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxReport bounds what a client's gateway posts at once, in bytes and in records.
	maxReport  = 4 << 20
	maxRecords = 1000
)

// takeRecords stores what a client's gateway reports of its client, and answers
// with what waits for that.
func (a *API) takeRecords(w http.ResponseWriter, r *http.Request, _ *params) error {
	client := r.PathValue("client")
	if len(client) > 256 {
		return badFields(map[string]string{"client": "is longer than 256 bytes"})
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	var report contract.ClientReport
	if err := json.Unmarshal(body, &report); err != nil {
		return invalid("The body is not a report: "+err.Error(), `Send {"records": [...], "done": [...]}.`)
	}
	if len(report.Records) > maxRecords || len(report.Done) > maxRecords {
		return &fault{status: http.StatusRequestEntityTooLarge, code: "too_large",
			detail: fmt.Sprintf("The report has more than %d records or results.", maxRecords), hint: "Send it in pieces."}
	}
	for i := range report.Records {
		rec := &report.Records[i]
		rec.Client = client // whatever it says
		if rec.State != nil {
			rec.State.UserID = client
		}
	}
	ctx := r.Context()
	// The history passes over records that make no sense: they would come again for
	// ever if the report were refused.
	if _, err := a.history.Add(ctx, report.Records); err != nil {
		return err
	}
	if err := a.history.Seen(ctx, client, a.now()); err != nil {
		return unavailable(err.Error(), "Report later.")
	}
	if len(report.Done) > 0 {
		if err := a.history.Done(ctx, client, report.Done); err != nil {
			return err
		}
	}
	pending, err := a.history.Pending(ctx, client)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, contract.ClientAnswer{Commands: list(pending), Revocations: a.lacking(ctx, report.Revocations)})
}
