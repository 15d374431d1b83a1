package baseservice_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rawCall is a peer's call by hand, with direct reply-to.
func rawCall(t *testing.T, url, queue, typ, body string) string {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	replies, err := ch.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = ch.PublishWithContext(t.Context(), "", queue, true, false, amqp.Publishing{
		ReplyTo: "amq.rabbitmq.reply-to", CorrelationId: "c1", Type: typ, Body: []byte(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-replies:
		if d.CorrelationId != "c1" {
			t.Errorf("the reply's correlation id is %q", d.CorrelationId)
		}
		return string(d.Body)
	case <-time.After(10 * time.Second):
		t.Fatal("no reply came")
		return ""
	}
}
