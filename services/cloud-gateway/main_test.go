package cloudgateway

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a cloud gateway until stop is called; opt needs no address, no
// transport and no schemas.
func serve(t testing.TB, tr *amqpx.Transport, opt Options) (url string, stop func()) {
	t.Helper()
	s := create(t, tr, opt)
	stop = brokertest.Run(t, "cloud gateway", s.Run)
	brokertest.Wait(t, "the start of the cloud gateway", s.Started())
	return "http://" + s.Addr(), stop
}

func create(t testing.TB, tr *amqpx.Transport, opt Options) *Service {
	t.Helper()
	opt.Addr, opt.Transport, opt.Data, opt.Base.Schemas = "127.0.0.1:0", tr, t.TempDir(), brokertest.Schemas(t)
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// peer serves the functions that add registers, as another service would, until
// stop is called.
func peer(t testing.TB, tr *amqpx.Transport, name string, add func(*baseservice.Service)) (stop func()) {
	t.Helper()
	s, err := baseservice.New(baseservice.Options{Name: name, Transport: tr, Schemas: brokertest.Schemas(t), SoftDrain: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	add(s)
	stop = brokertest.Run(t, name, s.Run)
	brokertest.Wait(t, "the start of "+name, s.Started())
	return stop
}
