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
		o.Task.Bundle, err = s.bundleOf(t.id)
	}
	return o, err
}
