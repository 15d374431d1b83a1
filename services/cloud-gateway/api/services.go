package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// askWait is how long services have to tell about themselves.
	askWait = 200 * time.Millisecond
	// askAgain is how long their answers are good for an overview.
	askAgain = 3 * time.Second
)

// ServiceList is what every service on the cloud broker tells of itself.
type ServiceList struct {
	Services []baseservice.Info `json:"services"`
}

// services answers with what every service on the cloud broker tells about
// itself, by name.
func (a *API) services(w http.ResponseWriter, r *http.Request, _ *params) error {
	infos, err := a.ask(r.Context())
	if err != nil {
		return unavailable(err.Error(), "See /readyz.")
	}
	return reply(w, http.StatusOK, ServiceList{Services: infos})
}

func (a *API) ask(ctx context.Context) ([]baseservice.Info, error) {
	if err := a.forward.Session(ctx); err != nil {
		return nil, err
	}
	answers, err := a.opt.Transport.Ask(ctx, "stats", askWait)
	if err != nil {
		return nil, err
	}
	infos := make([]baseservice.Info, 0, len(answers))
	for _, answer := range answers {
		var info baseservice.Info
		if err := json.Unmarshal(answer, &info); err != nil || info.Name == "" {
			a.log.Warn("an answer about a service cannot be read", "answer", fmt.Sprintf("%.200q", answer), "err", err)
			continue
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b baseservice.Info) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return infos, nil
}

// askedServices are the newest answers, for an overview that is wanted often: to
// ask takes as long as the slowest may take.
type askedServices struct {
	mu    sync.Mutex
	at    time.Time
	infos []baseservice.Info
}

// lately is ask, with answers that may be a few seconds old.
func (a *API) lately(ctx context.Context) ([]baseservice.Info, error) {
	a.asked.mu.Lock()
	defer a.asked.mu.Unlock()
	if now := a.opt.Now(); a.asked.infos == nil || now.Sub(a.asked.at) > askAgain {
		infos, err := a.ask(ctx)
		if err != nil {
			a.asked.infos = nil
			return []baseservice.Info{}, err
		}
		a.asked.infos, a.asked.at = infos, now
	}
	return a.asked.infos, nil
}

// schema answers with the JSON Schema of a function's request.
func (a *API) schema(w http.ResponseWriter, r *http.Request, _ *params) error {
	fn := r.PathValue("function")
	body, err := contract.Schema(fn)
	if err != nil || !a.opt.Schemas.Has(fn) {
		return notFound("There is no function "+fn+".", "GET /api/v1/services lists the functions.")
	}
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(body) // a caller that is gone needs no answer
	return nil
}
