package cloudtaskmanager

import "github.com/agata-fl/agata/internal/control"

// newOffer is what clients are offered of a task.
func newOffer(t *task) (*control.Offer, error) {
	return control.NewOffer(t.seq, t.offered(), t.selectionCriteria)
}

// offerOf is a task's offer with the bundle that clients will get.
func (s *Service) offerOf(t *task) (*control.Offer, error) {
	o, err := newOffer(t)
	if err == nil {
		o.Task.Execution = s.execution(t.executionID)
		o.Task.Bundle, err = s.bundleOf(t.id)
	}
	return o, err
}

// unoffer takes a task off at once. Where several managers offer it, the record says
// that it is off, and the tail of changes does it.
func (s *Service) unoffer(taskID string) {
	if s.shared == nil {
		s.offers.Remove(taskID)
	}
}

// execution is what an offer says of its server's execution: nothing to the peers of
// an open cloud, who get what the wire has and no more.
func (s *Service) execution(id string) string {
	if s.opt.Key.IsZero() {
		return ""
	}
	return id
}
