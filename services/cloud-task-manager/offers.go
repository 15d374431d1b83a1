package cloudtaskmanager

import "github.com/agata-fl/agata/internal/control"

// newOffer is what clients are offered of a task.
func newOffer(t *task) (*control.Offer, error) {
	return control.NewOffer(t.seq, t.offered(), t.selectionCriteria)
}
