package usermanager

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a user manager on a folder and a broker until stop is called.
func serve(t testing.TB, folder string, tr *amqpx.Transport, events bool) (stop func()) {
	t.Helper()
	s, err := New(Options{Data: folder, Database: server(t, folder), Base: baseservice.Options{Transport: tr, Schemas: brokertest.Schemas(t), Events: events}})
	if err != nil {
		t.Fatal(err)
	}
	stop = brokertest.Run(t, "user manager", s.Run)
	brokertest.Wait(t, "the start of the user manager", s.Started())
	return stop
}
