package cloudgateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestCallerThatLeavesFreesTheGateway(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	ctx, leave := context.WithCancel(t.Context())
	release := make(chan struct{})
	peer(t, tr, "user-manager", func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetUser, func(context.Context, contract.UserIDRequest) (contract.User, error) {
			leave()
			<-release
			return contract.User{}, nil
		})
	})
	defer close(release)
	s := create(t, tr, Options{})
	brokertest.Run(t, "cloud gateway", s.Run)
	brokertest.Wait(t, "the start", s.Started())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Addr()+"/"+contract.GetUser.Name, strings.NewReader(`{"user_id":"u"}`))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req); !errors.Is(err, context.Canceled) {
		if err == nil {
			resp.Body.Close()
		}
		t.Fatalf("the caller did not leave: %v", err)
	}
	testenv.Eventually(t, 5*time.Second, "the call that nobody waits for gives its slot back", func() bool { return len(s.slots) == 0 })
}

func TestManyCallsAtOnce(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, o amqpx.Options) {
		tr := brokertest.Connect(t, o)
		peer(t, tr, "user-manager", users)
		url, _ := serve(t, tr, Options{})
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
		defer client.CloseIdleConnections()
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				for j := range 5 {
					body := fmt.Sprintf(`{"user_id":"u%d","data_qnt":%d}`, i, j)
					resp, err := client.Post(url+"/"+contract.UpdateUser.Name, "application/json", strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != 200 || string(b) != body {
						t.Errorf("%s came back as %d %s, %v", body, resp.StatusCode, b, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestMoreCallsThanSlots(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	peer(t, tr, "user-manager", users)
	s := create(t, tr, Options{})
	for range maxCalls {
		s.slots <- struct{}{}
	}
	brokertest.Run(t, "cloud gateway", s.Run)
	brokertest.Wait(t, "the start", s.Started())
	a := post(t, "http://"+s.Addr(), contract.GetUser.Name, `{"user_id":"u"}`)
	if a.status != 500 || a.header.Get("Agata-Code") != "unavailable" || a.header.Get("Retry-After") == "" || !strings.Contains(text(t, a), "1024 calls under way") {
		t.Errorf("got %d %s %v", a.status, a.body, a.header)
	}
	<-s.slots
	if a := post(t, "http://"+s.Addr(), contract.GetUser.Name, `{"user_id":"u"}`); a.status != 200 {
		t.Errorf("with a free slot: %d %s", a.status, a.body)
	}
}
