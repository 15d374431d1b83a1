package cloudgateway

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/baseservice"
)

const (
	// readyWait is how long /readyz waits for a session that is being made.
	readyWait = 200 * time.Millisecond
	// askWait is how long services have to tell about themselves.
	askWait = 200 * time.Millisecond
)

// health answers that the process is there.
func (s *Service) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// ready answers whether calls can be forwarded.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	if err := s.transport.Ready(ctx); err != nil {
		httpx.Problem(w, r, http.StatusServiceUnavailable, "unavailable", err.Error(),
			"Start the cloud's broker, or see [server.broker] in config.ini.")
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ready"}`))
}

// services answers with what every service on the cloud broker tells about
// itself, by name.
func (s *Service) services(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience+askWait)
	defer cancel()
	answers, err := s.transport.Ask(ctx, "stats", askWait)
	if err != nil {
		httpx.Problem(w, r, http.StatusServiceUnavailable, "unavailable", err.Error(), "See /readyz.")
		return
	}
	list := struct {
		Services []baseservice.Info `json:"services"`
	}{Services: make([]baseservice.Info, 0, len(answers))}
	for _, answer := range answers {
		var info baseservice.Info
		if err := json.Unmarshal(answer, &info); err != nil || info.Name == "" {
			s.base.Logger().Warn("an answer about a service cannot be read", "answer", fmt.Sprintf("%.200q", answer), "err", err)
			continue
		}
		list.Services = append(list.Services, info)
	}
	slices.SortFunc(list.Services, func(a, b baseservice.Info) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	body, err := json.Marshal(list)
	if err != nil {
		httpx.Problem(w, r, http.StatusInternalServerError, "internal", err.Error(), "")
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// page says to a browser what it has found.
func (s *Service) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// A browser that is gone needs no page.
	_, _ = fmt.Fprintf(w, page, html.EscapeString(s.version))
}

const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>AGATA cloud gateway</title></head>
<body>
<h1>AGATA cloud gateway</h1>
<p>AGATA manages federated-learning tasks. This is the cloud's HTTP gateway, version %s.</p>
<ul>
<li><code>POST /&lt;function&gt;</code> calls a function of the cloud, such as <code>/rpc_exec_get_user_info</code>, with a JSON object as its arguments</li>
<li><a href="/api/v1/services">/api/v1/services</a> the services that run now</li>
<li><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>, <a href="/metrics">/metrics</a></li>
</ul>
</body>
</html>
`
