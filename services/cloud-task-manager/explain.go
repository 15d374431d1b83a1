package cloudtaskmanager

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The outcomes of a clause.
const (
	outcomeTrue  = string(criteria.OutcomeTrue)
	outcomeFalse = string(criteria.OutcomeFalse)
	outcomeError = string(criteria.OutcomeError)
)

// explainTask tells why a client is, or is not, offered a task: each condition
// with what it was decided on. What is not registered is a condition that fails,
// not an error of the call.
func (s *Service) explainTask(ctx context.Context, req contract.ExplainRequest) (why contract.Explanation, err error) {
	add := func(text, outcome, detail string) {
		why.Clauses = append(why.Clauses, contract.Clause{Text: text, Outcome: outcome, Detail: detail})
	}
	t, err := s.store.get(ctx, req.TaskID)
	if err != nil {
		return why, err
	}
	if t == nil {
		add("the task is registered", outcomeFalse, contract.TaskNotRegistered(req.TaskID))
		return why, nil
	}
	add("the task is registered", outcomeTrue, "since "+t.created.Format(contract.DateLayout))

	running := s.runsNow(t)
	detail := "its state is " + string(t.state)
	if reason := t.end.why(); reason != "" {
		detail = fmt.Sprintf("%s (%s)", detail, reason)
	}
	if running && t.stalled != 0 {
		detail += ", stalled since " + time.UnixMicro(int64(t.stalled*1e6)).Format(contract.DateLayout)
	}
	add("the task is running", outcome(running), detail)
	digest, err := s.bundleOf(t.id)
	if err != nil {
		return why, err
	}
	if s.revoked.has(digest) {
		add("the task's bundle may run", outcomeFalse, "it was revoked")
		running = false
	}

	client, err := s.client(ctx, contract.About{Task: t.id}, req.UserID)
	switch {
	case rpc.CodeOf(err) == rpc.NotFound:
		add("the client is registered", outcomeFalse, contract.UserNotRegistered(req.UserID))
		return why, nil
	case err != nil:
		add("the client is registered", outcomeError, err.Error())
		return why, nil
	}
	add("the client is registered", outcomeTrue, fmt.Sprintf("since %v", client["creation_date"]))

	expr, err := criteria.Compile(t.selectionCriteria)
	if err != nil {
		return why, err
	}
	verdict := expr.Explain(client)
	why.Clauses = appendClauses(why.Clauses, verdict)
	why.Offered = running && verdict.Selected()
	return why, nil
}

// appendClauses lists the criteria as a whole and then each clause that has none
// below it, with the client's values.
func appendClauses(list []contract.Clause, e criteria.Explanation) []contract.Clause {
	if e.Source == "" {
		return append(list, contract.Clause{Text: "the task is for everyone", Outcome: outcomeTrue})
	}
	var more []string
	switch {
	case e.Skipped:
		more = []string{"not looked at: the clauses before it decide"}
	case e.Blocks:
		more = []string{"this keeps the client out"}
	}
	list = append(list, contract.Clause{Text: e.Source, Outcome: string(e.Outcome), Detail: detail(e, more...)})
	return appendLeaves(list, e.Clauses)
}

// detail says what a clause was decided on, and more.
func detail(e criteria.Explanation, more ...string) string {
	var details []string
	for _, value := range e.Values {
		details = append(details, value.String())
	}
	if e.Error != "" {
		details = append(details, e.Error)
	}
	return strings.Join(append(details, more...), "; ")
}

func appendLeaves(list []contract.Clause, clauses []criteria.Explanation) []contract.Clause {
	for _, clause := range clauses {
		if len(clause.Clauses) > 0 {
			list = appendLeaves(list, clause.Clauses)
		} else {
			list = appendClauses(list, clause)
		}
	}
	return list
}

func outcome(ok bool) string {
	if ok {
		return outcomeTrue
	}
	return outcomeFalse
}
