package cloudtaskmanager

import (
	"bytes"
	"encoding/json"
	"maps"

	"github.com/agata-fl/agata/pkg/contract"
)

// names gives what a client has the names that criteria use. What the client did
// not tell is there as None, and an attribute cannot take the place of a name of
// the contract.
func names(u user) map[string]any {
	all := make(map[string]any, len(u.Attributes)+8)
	for name, raw := range u.Attributes {
		all[name] = decode(raw)
	}
	maps.Copy(all, map[string]any{
		"ID": u.ID, "user_id": u.ID, "sensors": u.Sensors,
		"data_qnt": orNone(u.DataQnt), "avg_acc_contrib": orNone(u.AvgAccContrib),
		"avg_disconnection_per_round": orNone(u.AvgDisconnectionPerRound),
		"creation_date":               u.CreationDate.Format(contract.DateLayout),
		"last_mod_date":               u.LastModDate.Format(contract.DateLayout),
	})
	return all
}

func orNone[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// decode keeps numbers as they are written. What is not JSON, which a user manager
// does not send, is None.
func decode(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}
