package testenv_test

import (
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNodesAreApart(t *testing.T) {
	one, again, two := testenv.RabbitMQ(t), testenv.RabbitMQ(t), testenv.RabbitMQ2(t)
	open := func(url string) *amqp.Channel {
		c, err := amqp.Dial(url)
		if err != nil {
			t.Fatalf("dial %s: %v", url, err)
		}
		t.Cleanup(func() { c.Close() })
		ch, err := c.Channel()
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	if _, err := open(one.URL).QueueDeclare("here", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, elsewhere := range []string{again.URL, two.URL, one.DefaultURL} {
		if _, err := open(elsewhere).QueueDeclarePassive("here", false, false, false, false, nil); err == nil {
			t.Errorf("%s has a queue that was declared in %s", elsewhere, one.URL)
		}
	}
}

func TestCloseConnections(t *testing.T) {
	n := testenv.RabbitMQ(t)
	c, err := amqp.Dial(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	n.CloseConnections(t)
	select {
	case e := <-closed:
		if e == nil || e.Code != amqp.ConnectionForced {
			t.Errorf("the connection ended with %v, want 320", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("the connection is still open")
	}
}

func TestPythonHasPika(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), testenv.Python(t), "-c", "import pika; print(pika.__version__)").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestPortIsFree(t *testing.T) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(testenv.Port(t))))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestEventually(t *testing.T) {
	calls := 0
	testenv.Eventually(t, time.Second, "the third call", func() bool { calls++; return calls == 3 })
	if calls != 3 {
		t.Errorf("called %d times, want 3", calls)
	}
}
