package guard

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/pkg/rpc"
)

// FuzzShown: whatever is in the headers that say who somebody is, who has nothing
// is nobody, and does no more than anyone.
func FuzzShown(f *testing.F) {
	data := f.TempDir()
	tokens := accesstest.Write(f, data)
	store, err := access.Open(f.Context(), filepath.Join(data, access.File), access.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	g := New(Options{Access: store, RequestsPerSecond: 1 << 30})
	f.Add("Bearer ags_x", "agata_session=ags_x", "http://evil.example", "127.0.0.1:1")
	f.Add("bearer", "", "null", "@")
	f.Add("Basic YWRtaW46Y29ycmVjdCBob3JzZQ==", `agata_session="ags_`, "", "[fe80::1%eth0]:5")
	f.Add("Bearer "+tokens["c1"][:20], "a=b; agata_session=agc_1", "http://gateway.example:81", "")
	f.Fuzz(func(t *testing.T, authorization, cookie, origin, remote string) {
		r := request("")
		r.RemoteAddr = remote
		r.Header = http.Header{"Authorization": {authorization}, "Cookie": {cookie}, "Origin": {origin}}
		for grant := Viewer; grant <= Client; grant++ {
			if _, err := g.Admit(r, grant, "c1"); status(err) != http.StatusUnauthorized {
				t.Errorf("grant %d: %v", grant, err)
			}
		}
		if in, err := g.Admit(r, Anyone, ""); err != nil || rpc.IdentityFrom(in.Context()).Kind != rpc.Nobody {
			t.Errorf("got %v", err)
		}
	})
}
