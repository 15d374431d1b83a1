package cloudtaskmanager

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// checkTime bounds the evaluation of an expression for all clients: a criterion
	// may take some milliseconds for each.
	checkTime = 2 * time.Second
	// sampleSize is how many clients a check names.
	sampleSize = 10
	// maxNames bounds the names that a check lists.
	maxNames = 1000
)

// checkCriteria tells what an expression means now: for how many clients, and what
// it may name. That it cannot be used is an answer, not an error of the call.
func (s *Service) checkCriteria(ctx context.Context, req contract.CheckCriteriaRequest) (contract.CriteriaCheck, error) {
	check := contract.CriteriaCheck{Sample: []string{}, Names: []string{}}
	expr, err := criteria.Compile(req.Expression)
	check.Valid = err == nil
	if e, ok := errors.AsType[*criteria.SyntaxError](err); ok {
		check.Error, check.Column = e.Message, e.Column
	} else if err != nil {
		check.Error = err.Error()
	}
	all, err := s.allClients(ctx)
	if err != nil && check.Valid {
		return check, err
	}
	check.Clients = len(all)
	known := namesOf(all)
	check.Names = known[:min(len(known), maxNames)]
	if !check.Valid {
		return check, nil // what is wrong matters more than who is there
	}
	for _, name := range expr.Names() {
		if !slices.Contains(known, name) {
			check.Unknown = append(check.Unknown, name)
		}
	}
	deadline := time.Now().Add(checkTime)
	for i, client := range all {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return check, rpc.Errorf(rpc.Deadline, "the expression is too slow: it was evaluated for %d of %d clients in time", i, len(all))
		}
		switch ok, err := expr.Eval(client.attrs); {
		case err != nil:
			check.Failing++
		case ok:
			check.Matches++
			if len(check.Sample) < sampleSize {
				check.Sample = append(check.Sample, client.id)
			}
		}
	}
	return check, nil
}

// namesOf returns the names that an expression may use: those that every client
// has, and then what some have besides.
func namesOf(all []candidate) []string {
	fixed := slices.Sorted(maps.Keys(names(user{})))
	extra := map[string]bool{}
	for _, client := range all {
		for name := range client.attrs {
			extra[name] = true
		}
	}
	for _, name := range fixed {
		delete(extra, name)
	}
	return append(fixed, slices.Sorted(maps.Keys(extra))...)
}

// listTaskClients tells for a page of clients whether the task is for them.
func (s *Service) listTaskClients(ctx context.Context, req contract.TaskAudienceRequest) (contract.TaskAudience, error) {
	answer := contract.TaskAudience{Clients: []contract.ClientChoice{}}
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return answer, err
	}
	expr, err := criteria.Compile(t.selectionCriteria)
	if err != nil {
		return answer, err
	}
	answer.Running = s.runsNow(t)
	page, err := s.pageOfClients(ctx, req.ListRequest)
	if err != nil {
		return answer, err
	}
	answer.Next, answer.Total = page.Next, page.Total
	clients, err := page.candidates()
	if err != nil {
		return answer, err
	}
	for _, client := range clients {
		if err := ctx.Err(); err != nil {
			return answer, err
		}
		answer.Clients = append(answer.Clients, choose(expr, client))
	}
	return answer, nil
}

// choose tells whether a client is selected and, if not, the first clause that
// keeps it out.
func choose(expr *criteria.Expr, client candidate) contract.ClientChoice {
	choice := contract.ClientChoice{UserID: client.id}
	if ok, err := expr.Eval(client.attrs); ok && err == nil {
		choice.Selected = true
		return choice
	}
	decisive := deciding(expr.Explain(client.attrs))
	choice.Clause = &contract.Clause{Text: decisive.Source, Outcome: string(decisive.Outcome), Detail: detail(decisive)}
	return choice
}

// deciding finds the first clause without clauses of its own that keeps a client
// out. If only all of them together do, that is the whole.
func deciding(e criteria.Explanation) criteria.Explanation {
	for _, clause := range e.Clauses {
		if clause.Blocks {
			return deciding(clause)
		}
	}
	return e
}
