package historytest

import (
	"testing"

	"github.com/agata-fl/agata/internal/history"
)

func TestFillWritesAWholeHistory(t *testing.T) {
	s, err := history.Open(t.Context(), t.TempDir()+"/h.db", history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := Fill(t.Context(), s, Size{Tasks: 20, Clients: 30, Events: 5000, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	st, err := s.Stats(t.Context())
	if err != nil || st.Events != 5000 || st.Skipped != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	if span := (st.Last - st.First) / 86400; span < days-1 || span > days+1 {
		t.Errorf("it spans %.1f days, want %d", span, days)
	}
	d, err := s.Density(t.Context(), history.Filter{}, history.ByService, 0, 0)
	if err != nil || d.Total != 5000 || len(d.Lanes) < 6 {
		t.Errorf("density has %d events in %d lanes, %v", d.Total, len(d.Lanes), err)
	}
	for _, state := range []string{"running", "finished", "failed"} {
		list, _, err := s.Executions(t.Context(), history.ExecutionFilter{State: state}, "", 0)
		if err != nil || len(list) == 0 {
			t.Errorf("%d executions %s, %v", len(list), state, err)
		}
	}
	series, err := s.Rounds(t.Context(), history.RoundFilter{Task: TaskID(0)})
	if err != nil || len(series) < 2 || series[0].Side != "server" || len(series[0].Points) == 0 {
		t.Errorf("%d series, %v", len(series), err)
	}
	c, err := s.Counts(t.Context(), st.Last)
	if err != nil || c.ClientsSeen != 30 || c.Running == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := Fill(t.Context(), s, Size{}); err == nil {
		t.Error("a size of nothing was taken")
	}
}
