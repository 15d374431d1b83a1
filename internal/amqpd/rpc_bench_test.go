package amqpd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// BenchmarkRPC measures echo calls of 256 bytes: a request to a queue, the reply
// to an exclusive queue, over two connections. It runs against RabbitMQ as well
// when AGATA_TEST_RABBITMQ (amqp-port,management-port) is set.
func BenchmarkRPC(b *testing.B) {
	brokers := map[string]func(*testing.B) string{
		"amqpd": func(b *testing.B) string {
			return serve(b, Options{Logger: slog.New(slog.DiscardHandler)}).URL()
		},
	}
	if node := os.Getenv("AGATA_TEST_RABBITMQ"); node != "" {
		port, _, _ := strings.Cut(node, ",")
		brokers["rabbitmq"] = func(*testing.B) string { return "amqp://guest:guest@127.0.0.1:" + port + "/" }
	}
	for name, url := range brokers {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/c=%d", name, callers), func(b *testing.B) { benchRPC(b, url(b), callers) })
		}
	}
}

func benchRPC(b *testing.B, url string, callers int) {
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	open := func() *amqp.Channel {
		c, err := amqp.Dial(url)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		ch, err := c.Channel()
		if err != nil {
			b.Fatal(err)
		}
		return ch
	}
	server, client := open(), open()
	requests, err := server.QueueDeclare("", false, false, true, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Qos(128, 0, false); err != nil {
		b.Fatal(err)
	}
	// The requests' queue is exclusive to the server's connection: publishing to it is open to all.
	work, err := server.Consume(requests.Name, "", false, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for d := range work {
			server.PublishWithContext(ctx, "", d.ReplyTo, false, false, amqp.Publishing{CorrelationId: d.CorrelationId, Body: d.Body})
			d.Ack(false)
		}
	})
	defer wg.Wait()
	defer server.Close()
	replies, err := client.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	in, err := client.Consume(replies.Name, "", true, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	slots := make(map[string]chan struct{}, callers)
	for i := range callers {
		slots[fmt.Sprint(i)] = make(chan struct{}, 1)
	}
	wg.Go(func() {
		for d := range in {
			slots[d.CorrelationId] <- struct{}{}
		}
	})
	defer client.Close()
	body := make([]byte, 256)
	b.ResetTimer()
	var calls sync.WaitGroup
	for i := range callers {
		n := b.N / callers
		if i < b.N%callers {
			n++
		}
		calls.Go(func() {
			id := fmt.Sprint(i)
			for range n {
				err := client.PublishWithContext(ctx, "", requests.Name, false, false,
					amqp.Publishing{CorrelationId: id, ReplyTo: replies.Name, Body: body})
				if err != nil {
					b.Error(err)
					return
				}
				select {
				case <-slots[id]:
				case <-ctx.Done():
					b.Error("no reply")
					return
				}
			}
		})
	}
	calls.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rpc/s")
}
