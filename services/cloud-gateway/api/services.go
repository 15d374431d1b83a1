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
	// askAgain is how old their answers may be before an overview has them asked
	// again, and askStale before it waits for that.
	askAgain = 3 * time.Second
	askStale = time.Minute
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
	mu     sync.Mutex
	at     time.Time
	infos  []baseservice.Info // nil: none yet
	asking bool
}

// lately is ask, with answers that may be some seconds old. While they are not
// very old nobody waits for newer ones, which are asked for beside.
func (a *API) lately(ctx context.Context) ([]baseservice.Info, error) {
	infos, old, stale := a.asked.look(a.opt.Now())
	if stale {
		infos, err := a.ask(ctx)
		return a.asked.keep(a.opt.Now(), infos, err)
	}
	if old {
		ctx := context.WithoutCancel(ctx)
		a.beside.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, a.opt.Timeout)
			defer cancel()
			infos, err := a.ask(ctx)
			if _, err := a.asked.keep(a.opt.Now(), infos, err); err != nil {
				a.log.Debug("the services could not be asked about themselves", "err", err)
			}
		})
	}
	return infos, nil
}

// look returns the answers; old tells the caller, and nobody else, to ask anew,
// stale that they are good for nothing.
func (s *askedServices) look(now time.Time) (infos []baseservice.Info, old, stale bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.at)
	if s.infos == nil || age > askStale {
		return nil, false, true
	}
	if old = age > askAgain && !s.asking; old {
		s.asking = true
	}
	return s.infos, old, false
}

func (s *askedServices) keep(now time.Time, infos []baseservice.Info, err error) ([]baseservice.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = false
	if err != nil {
		s.infos = nil
		return []baseservice.Info{}, err
	}
	s.infos, s.at = infos, now
	return infos, nil
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
