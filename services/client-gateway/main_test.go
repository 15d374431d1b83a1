package clientgateway

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a client gateway that forwards to url until stop is called.
func serve(t testing.TB, url string, tr *amqpx.Transport, events bool) (stop func()) {
	t.Helper()
	s, err := New(Options{URL: url, Base: baseservice.Options{Transport: tr, Schemas: brokertest.Schemas(t), Events: events}})
	if err != nil {
		t.Fatal(err)
	}
	stop = brokertest.Run(t, "client gateway", s.Run)
	brokertest.Wait(t, "the start of the client gateway", s.Started())
	return stop
}
