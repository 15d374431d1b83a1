package usermanager

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/agata-fl/agata/pkg/rpc"
)

// What one client may keep. A task request reads all of it, and so does a
// page of the list.
const (
	maxSensor        = 256      // bytes of a sensor's name
	maxSensors       = 64 << 10 // bytes of all of them
	maxAttributes    = 100
	maxAttributeName = 64       // bytes
	maxAttribute     = 4 << 10  // bytes of a value, as JSON
	maxAttributeSum  = 64 << 10 // bytes of all attributes, as a JSON object
)

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// fixed are the names that selection criteria use for a client's own fields, in
// lower case: `id` beside `ID` would only mislead.
var fixed = []string{"id", "user_id", "data_qnt", "avg_acc_contrib", "avg_disconnection_per_round", "sensors", "creation_date", "last_mod_date"}

// keywords look like identifiers, and yet no expression can name them.
var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
	"except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
	"raise", "return", "try", "while", "with", "yield",
}

// normalize removes repeated sensors, keeping the first of each, and checks
// what the schema does not.
func normalize(req *updateRequest) error {
	if req.Sensors != nil {
		sensors, err := distinct(*req.Sensors)
		if err != nil {
			return err
		}
		*req.Sensors = sensors
	}
	for name, value := range req.Attributes {
		if err := checkName(name); err != nil {
			return err
		}
		if len(value) > maxAttribute {
			return rpc.Errorf(rpc.Invalid, "attributes.%s: the value has %d bytes of JSON, at most %d are allowed", name, len(value), maxAttribute)
		}
	}
	return nil
}

func distinct(sensors []string) ([]string, error) {
	seen, sum := make(map[string]bool, len(sensors)), 0
	kept := make([]string, 0, len(sensors))
	for i, name := range sensors {
		if len(name) > maxSensor {
			return nil, rpc.Errorf(rpc.Invalid, "sensors.%d: the name has %d bytes, at most %d are allowed", i, len(name), maxSensor)
		}
		if !seen[name] {
			seen[name] = true
			kept, sum = append(kept, name), sum+len(name)
		}
	}
	if sum > maxSensors {
		return nil, rpc.Errorf(rpc.Invalid, "sensors: the names have %d bytes together, at most %d are allowed", sum, maxSensors)
	}
	return kept, nil
}

func checkName(name string) error {
	switch {
	case len(name) > maxAttributeName:
		return rpc.Errorf(rpc.Invalid, "attributes: a name has %d bytes, at most %d are allowed", len(name), maxAttributeName)
	case !identifier.MatchString(name):
		return rpc.Errorf(rpc.Invalid, "attributes: the name %q is not an identifier: use letters, digits and _, and begin with no digit", name)
	case slices.Contains(fixed, strings.ToLower(name)):
		return rpc.Errorf(rpc.Invalid, "attributes: the name %s belongs to a field of every client: choose another", name)
	case slices.Contains(keywords, name):
		return rpc.Errorf(rpc.Invalid, "attributes: the name %s is a word of the language of selection criteria: choose another", name)
	}
	return nil
}

// merge puts changes over the stored attributes, deletes those that are null,
// and returns the new JSON object.
func merge(stored []byte, changes map[string]json.RawMessage) ([]byte, error) {
	all := make(map[string]json.RawMessage)
	if len(stored) > 0 {
		if err := json.Unmarshal(stored, &all); err != nil {
			return nil, rpc.Errorf(rpc.Internal, "read the stored attributes: %w", err)
		}
	}
	for name, value := range changes {
		if bytes.Equal(value, []byte("null")) {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	if len(all) > maxAttributes {
		return nil, rpc.Errorf(rpc.Invalid, "attributes: the client would have %d, at most %d are allowed: delete some by sending null", len(all), maxAttributes)
	}
	merged, err := json.Marshal(all)
	if err != nil {
		return nil, rpc.Errorf(rpc.Internal, "encode the attributes: %w", err)
	}
	if len(merged) > maxAttributeSum {
		return nil, rpc.Errorf(rpc.Invalid, "attributes: they would have %d bytes of JSON together, at most %d are allowed", len(merged), maxAttributeSum)
	}
	return merged, nil
}
