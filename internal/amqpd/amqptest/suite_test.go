package amqptest_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/amqpd/amqptest"
	"github.com/agata-fl/agata/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// embedded runs a broker for the length of the test, which must leave it empty.
func embedded(t *testing.T) *amqpd.Server {
	t.Helper()
	s, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		if st := s.Stats(); st.Queues != 0 || st.Messages != 0 || st.Bytes != 0 || st.Consumers != 0 {
			t.Errorf("the test left something behind, or the broker lost count: %+v", st)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEmbedded(t *testing.T) { amqptest.Run(t, embedded(t).URL()) }

func TestRabbitMQ(t *testing.T) { amqptest.Run(t, testenv.RabbitMQ(t).URL) }
