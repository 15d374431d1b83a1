package usermanager

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestRefusals(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, t.TempDir(), tr, false)
	if _, err := raw(t, tr, contract.UpdateUser.Name, `{"user_id":"full","attributes":{`+numbered(0, 100)+`}}`); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 5000)
	update, get := contract.UpdateUser.Name, contract.GetUser.Name
	for _, tc := range []struct{ name, fn, body, want string }{
		{"unknown user", get, `{"user_id":"nobody"}`, "500 User with ID=nobody not registered"},
		{"no id", get, `{}`, "400 user_id"},
		{"empty id", update, `{"user_id":""}`, "400 user_id: minLength"},
		{"long id", update, `{"user_id":"` + long + `"}`, "400 user_id: maxLength"},
		{"unknown argument", update, `{"user_id":"u","colour":"red"}`, "400 colour"},
		{"text for a number", update, `{"user_id":"u","data_qnt":"1"}`, "400 data_qnt: got string"},
		{"quantity past 64 bits", update, `{"user_id":"u","data_qnt":9223372036854775808}`, "400 data_qnt"},
		{"endless number", update, `{"user_id":"u","data_qnt":1e2000000}`, "400 data_qnt"},
		{"infinite contribution", update, `{"user_id":"u","avg_acc_contrib":1e999}`, "400 avg_acc_contrib"},
		{"sensor of another type", update, `{"user_id":"u","sensors":[1]}`, "400 sensors.0"},
		{"long sensor", update, `{"user_id":"u","sensors":["a","` + long + `"]}`, "400 sensors.1: the name has 5000 bytes"},
		{"too many bytes of sensors", update, `{"user_id":"u","sensors":[` + names(400, 200) + `]}`, "400 sensors: the names have 80000 bytes together"},
		{"attributes are no object", update, `{"user_id":"u","attributes":[]}`, "400 attributes: got array"},
		{"name is no identifier", update, `{"user_id":"u","attributes":{"a-b":1}}`, `400 attributes: the name "a-b" is not an identifier`},
		{"name with a digit first", update, `{"user_id":"u","attributes":{"1a":1}}`, `400 attributes: the name "1a" is not an identifier`},
		{"empty name", update, `{"user_id":"u","attributes":{"":1}}`, `400 attributes: the name "" is not an identifier`},
		{"fixed name", update, `{"user_id":"u","attributes":{"sensors":1}}`, "400 attributes: the name sensors belongs to a field"},
		{"fixed name in other letters", update, `{"user_id":"u","attributes":{"Id":1}}`, "400 attributes: the name Id belongs to a field"},
		{"keyword", update, `{"user_id":"u","attributes":{"not":1}}`, "400 attributes: the name not is a word of the language"},
		{"long name", update, `{"user_id":"u","attributes":{"` + long + `":1}}`, "400 attributes: a name has 5000 bytes"},
		{"large value", update, `{"user_id":"u","attributes":{"a":"` + long + `"}}`, "400 attributes.a: the value has 5002 bytes of JSON"},
		{"not UTF-8", update, `{"user_id":"u","attributes":{"a":"` + "\xff" + `"}}`, "400 the body is not UTF-8"},
		{"too many at once", update, `{"user_id":"u","attributes":{` + numbered(0, 101) + `}}`, "400 attributes: maxProperties"},
		{"too many with those stored", update, `{"user_id":"full","attributes":{` + numbered(99, 101) + `}}`, "400 attributes: the client would have 101"},
		{"too many bytes of attributes", update, `{"user_id":"u","attributes":{` + large(20, 4000) + `}}`, "400 attributes: they would have"},
		{"negative limit", contract.ListUsers.Name, `{"limit":-1}`, "400 limit: minimum"},
		{"limit too large", contract.ListUsers.Name, `{"limit":1001}`, "400 limit: maximum"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := raw(t, tr, tc.fn, tc.body)
			if err == nil {
				t.Fatal("it was accepted")
			}
			status, text, _ := strings.Cut(tc.want, " ")
			got := err.Error()
			if status == "400" {
				var ok bool
				if got, ok = strings.CutPrefix(got, contract.InvalidArguments(tc.fn, "")); !ok {
					t.Errorf("%q does not begin as an answer with status 400 must", err)
				}
			}
			if fmt.Sprint(rpc.CodeOf(err).WireStatus()) != status || !strings.Contains(got, text) {
				t.Errorf("got %s %s, want %s", rpc.CodeOf(err), got, tc.want)
			}
		})
	}
	if v, err := raw(t, tr, get, `{"user_id":"u"}`); err == nil {
		t.Errorf("a refused update left a record: %s", v)
	}
	if _, err := raw(t, tr, update, `{"user_id":"full","attributes":{"a0":null,"a100":1}}`); err != nil {
		t.Errorf("one attribute for another: %v", err)
	}
}

// numbered, names and large write the insides of JSON objects and arrays.
func numbered(from, to int) string {
	var parts []string
	for i := from; i < to; i++ {
		parts = append(parts, fmt.Sprintf(`"a%d":%d`, i, i))
	}
	return strings.Join(parts, ",")
}

func names(n, bytes int) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(`"%0*d"`, bytes, i))
	}
	return strings.Join(parts, ",")
}

func large(n, bytes int) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(`"a%d":"%0*d"`, i, bytes, 0))
	}
	return strings.Join(parts, ",")
}
