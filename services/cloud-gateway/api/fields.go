package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/rpc"
)

// readFields reads a body, one JSON object, into the places for its fields; those
// that are missing leave their places alone.
func readFields(r *http.Request, places map[string]any) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	faults := map[string]string{}
	for name, raw := range o {
		place, ok := places[name]
		if !ok {
			faults[name] = "is not a field of this request"
		} else if err := json.Unmarshal(raw, place); err != nil {
			faults[name] = "has another type than it should"
		}
	}
	if len(faults) > 0 {
		return badFields(faults)
	}
	return nil
}

// required refuses texts that are missing, by their names.
func required(texts map[string]string) error {
	faults := map[string]string{}
	for name, text := range texts {
		if text == "" {
			faults[name] = "is required"
		}
	}
	if len(faults) > 0 {
		return badFields(faults)
	}
	return nil
}

// accounts is the store of a closed cloud.
func (a *API) accounts() (*access.Store, error) {
	if store := a.opt.Guard.Access(); store != nil {
		return store, nil
	}
	return nil, conflict("This cloud is open: it asks for no credentials, and keeps none.",
		"Close it with `agata operator init NAME` on its machine, and start it again.")
}

// fieldFault finds the field in a refusal such as "name: use small letters".
func fieldFault(err error) error {
	if rpc.CodeOf(err) != rpc.Invalid {
		return err
	}
	if name, why, ok := strings.Cut(err.Error(), ": "); ok {
		return badFields(map[string]string{name: why})
	}
	return err
}

// lifeOf is a number of units, and 0, which is too short, for one that is too
// great to count.
func lifeOf(n int, unit, most time.Duration) time.Duration {
	if n < 1 || n > int(most/unit) {
		return 0
	}
	return time.Duration(n) * unit
}
