package cloudgateway

import (
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestCrossOrigin(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	peer(t, tr, "user-manager", users)
	open, _ := serve(t, tr, Options{})
	listed, _ := serve(t, tr, Options{AllowedOrigins: []string{"https://ops.example"}})
	none, _ := serve(t, tr, Options{AllowedOrigins: []string{}})
	for _, tc := range []struct {
		name, url, method, origin string
		status                    int
		allowed                   string
	}{
		{"preflight", open, "OPTIONS", "https://any.example", 204, "*"},
		{"preflight without an origin", open, "OPTIONS", "", 204, "*"},
		{"call", open, "POST", "https://any.example", 200, "*"},
		{"preflight of a listed origin", listed, "OPTIONS", "https://ops.example", 204, "https://ops.example"},
		{"preflight of another", listed, "OPTIONS", "https://any.example", 204, ""},
		{"call of a listed origin", listed, "POST", "https://ops.example", 200, "https://ops.example"},
		{"call of another", listed, "POST", "https://any.example", 403, ""},
		{"call of no page", listed, "POST", "", 200, ""},
		{"call of the gateway's own page", none, "POST", none, 200, ""},
		{"call of another, none allowed", none, "POST", "https://any.example", 403, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := []string{"Content-Type", "application/json"}
			if tc.origin != "" {
				header = append(header, "Origin", tc.origin)
			}
			a := request(t, tc.method, tc.url+"/"+contract.UpdateUser.Name, `{"user_id":"u"}`, header...)
			if a.status != tc.status || a.header.Get("Access-Control-Allow-Origin") != tc.allowed {
				t.Errorf("got %d, allowed %q; want %d, %q", a.status, a.header.Get("Access-Control-Allow-Origin"), tc.status, tc.allowed)
			}
			if methods, headers := a.header.Get("Access-Control-Allow-Methods"), a.header.Get("Access-Control-Allow-Headers"); tc.method == "OPTIONS" && tc.allowed != "" &&
				(!strings.Contains(methods, "POST") || !strings.Contains(methods, "OPTIONS") || !strings.Contains(headers, "Content-Type") && !strings.HasPrefix(headers, "*")) {
				t.Errorf("the preflight allows %q, %q", methods, headers)
			}
		})
	}
	if _, err := New(Options{Transport: tr, Addr: "127.0.0.1:0", Data: t.TempDir(), AllowedOrigins: []string{"ops.example"}, Base: baseservice.Options{Schemas: brokertest.Schemas(t)}}); err == nil || !strings.Contains(err.Error(), "ops.example") {
		t.Errorf("an origin that is none was accepted: %v", err)
	}
}
