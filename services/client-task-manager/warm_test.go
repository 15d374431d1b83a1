package clienttaskmanager_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/testenv"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// A client's task that asks for it is run by the interpreter that waits.
func TestWarmClient(t *testing.T) {
	b := setup(t)
	metrics := prometheus.NewRegistry()
	b.start(func(o *clienttaskmanager.Options) { o.Warm, o.Base.Registerer = []string{"decimal"}, metrics })
	testenv.Eventually(t, 3*time.Minute, "an interpreter is warm", func() bool {
		families, err := metrics.Gather()
		for _, f := range families {
			if f.GetName() == "agata_warm_interpreters" && err == nil {
				return f.GetMetric()[0].GetGauge().GetValue() == 1
			}
		}
		return false
	})
	b.offer(b.task("cold", `event("cold: %s" % ("decimal" in sys.modules))`+"\n"+`say(type="info", info="Finished")`+"\n"))
	b.await(1, "cold: False")
	b.offer(b.task("warm", "# agata: warm\n"+`event("warm: %s" % ("decimal" in sys.modules))`+"\n"+forever))
	b.await(1, "warm: True")
	b.running("warm")
}
