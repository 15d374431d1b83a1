package cloudgateway

import (
	"context"
	"net/http"
	"time"

	"github.com/agata-fl/agata/docs"
	"github.com/agata-fl/agata/internal/httpx"
)

// readyWait is how long /readyz waits for a session that is being made.
const readyWait = 200 * time.Millisecond

// health answers that the process is there.
func (s *Service) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// ready answers whether calls can be forwarded.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	if err := s.opt.Transport.Ready(ctx); err != nil {
		httpx.Problem(w, r, http.StatusServiceUnavailable, "unavailable", err.Error(),
			"Start the cloud's broker, or see [server.broker] in config.ini.")
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ready"}`))
}

// openAPI answers with the description of the API.
func (s *Service) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(docs.OpenAPI) // a caller that is gone needs no answer
}
