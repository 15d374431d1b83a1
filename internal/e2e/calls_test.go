package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// answer is what comes back over HTTP.
type answer struct {
	status int
	body   string
	header http.Header
}

// text is the bare JSON string of a failure, or the body if it is none.
func (a answer) text() string {
	var s string
	if json.Unmarshal([]byte(a.body), &s) != nil {
		return a.body
	}
	return s
}

// request makes one request over a connection of its own.
func request(t testing.TB, method, url, body string, adjust ...func(*http.Request)) answer {
	t.Helper()
	return requestOver(t, nil, method, url, body, adjust...)
}

// requestOver makes a request with certificates of its own.
func requestOver(t testing.TB, secure *tls.Config, method, url, body string, adjust ...func(*http.Request)) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range adjust {
		f(req)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: secure}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, string(b), resp.Header}
}

func login(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

// post calls a function through the cloud's gateway.
func (w *world) post(fn, body string) answer {
	w.Helper()
	return requestOver(w, w.cloud.trust, http.MethodPost, w.set["server.gateway.url"]+"/"+fn, body)
}

// upload sends files of a task; names and contents alternate.
func (w *world) upload(task string, files ...string) answer {
	w.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("task_id", task); err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		part, err := form.CreateFormFile("files", files[i])
		if err == nil {
			_, err = io.WriteString(part, files[i+1])
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		w.Fatal(err)
	}
	return requestOver(w, w.cloud.trust, http.MethodPost, w.set["server.files.url"]+"/upload_files", body.String(),
		func(r *http.Request) { r.Header.Set("Content-Type", form.FormDataContentType()) })
}

// call calls a function over RPC and returns the failure, if any.
func call[Req, Resp any](t testing.TB, tr *amqpx.Transport, fn contract.Function[Req, Resp], req Req) (Resp, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return rpc.Call(ctx, tr, fn, req)
}

// must calls a function that must succeed.
func must[Req, Resp any](t testing.TB, tr *amqpx.Transport, fn contract.Function[Req, Resp], req Req) Resp {
	t.Helper()
	resp, err := call(t, tr, fn, req)
	if err != nil {
		t.Fatalf("%s %+v: %v", fn.Name, req, err)
	}
	return resp
}

// reply is the envelope of an RPC answer.
type reply struct {
	status    int
	value     json.RawMessage
	exception string
}

// envelope reads an answer, which has exactly the two keys of its kind.
func envelope(t testing.TB, body []byte) reply {
	t.Helper()
	var keys map[string]json.RawMessage
	var r struct {
		Status    int             `json:"status_code"`
		Return    json.RawMessage `json:"return"`
		Exception *string         `json:"exception"`
	}
	if err := json.Unmarshal(body, &keys); err != nil {
		t.Fatalf("the answer %.200q is no JSON object: %v", body, err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("the answer %.200q: %v", body, err)
	}
	second := "return"
	if r.Status != http.StatusOK {
		second = "exception"
	}
	if _, ok := keys[second]; !ok || len(keys) != 2 || (r.Exception == nil) != (r.Status == http.StatusOK) {
		t.Errorf("the answer %.300s has not exactly the keys status_code and %s", body, second)
	}
	if r.Exception == nil {
		return reply{r.Status, r.Return, ""}
	}
	return reply{r.Status, nil, *r.Exception}
}

// rawCall sends any bytes to a function's queue, as no transport of ours would.
func rawCall(t testing.TB, b *broker, fn string, body []byte) reply {
	t.Helper()
	conn, err := amqp.DialConfig(fmt.Sprintf("amqp://guest:guest@%s:%d", b.host, b.port), amqp.Config{Vhost: b.vhost})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := ch.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = ch.PublishWithContext(t.Context(), "", fn, false, false,
		amqp.Publishing{ReplyTo: "amq.rabbitmq.reply-to", CorrelationId: "1", Type: fn, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-answers:
		return envelope(t, d.Body)
	case <-time.After(patience):
		t.Fatalf("%s did not answer %.100q", fn, body)
	}
	return reply{}
}
