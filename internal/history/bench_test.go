package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
)

// BenchmarkAdd stores batches of 200 and of 1,000 events of 10,000 clients and 10,000 tasks.
// They come as clients' gateways send them, each batch of one client; or mixed,
// each event of any client, task and execution, the worst for the indexes; and
// with ids that grow with time, or random ones.
func BenchmarkAdd(b *testing.B) {
	const clients = 10_000
	for name, opt := range map[string]struct {
		mixed bool
		id    func() string
	}{
		"client":        {false, func() string { return uuid.Must(uuid.NewV7()).String() }},
		"client/random": {false, uuid.NewString},
		"mixed":         {true, func() string { return uuid.Must(uuid.NewV7()).String() }},
		"mixed/random":  {true, uuid.NewString},
	} {
		for _, size := range []int{200, 1000} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				s := open(b, Options{Now: time.Now})
				random := rand.New(rand.NewPCG(1, 2))
				names, executions := make([]string, clients), make([]string, clients)
				for i := range names {
					names[i], executions[i] = uuid.NewString(), uuid.NewString()
				}
				batch := make([]contract.Record, size)
				fill := func() {
					n := random.IntN(clients)
					for i := range batch {
						if opt.mixed {
							n = random.IntN(clients)
						}
						r := event(0, names[n], "service_client_ml", fmt.Sprintf("task-%d", (n*7919+i%3)%clients), "Finished requesting task")
						r.ID, r.Time, r.Execution = opt.id(), float64(time.Now().UnixNano())/1e9, executions[n]
						batch[i] = r
					}
				}
				var took []time.Duration
				var spent time.Duration
				for b.Loop() {
					fill()
					began := time.Now()
					if _, err := s.Add(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(began))
					spent += time.Since(began)
				}
				slices.Sort(took)
				ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
				b.ReportMetric(float64(size*len(took))/spent.Seconds(), "events/s")
				b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
				b.ReportMetric(ms(took[len(took)-1]), "worst-ms")
			})
		}
	}
}
