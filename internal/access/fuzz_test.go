package access

import (
	"path/filepath"
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

// FuzzAuthenticate: nothing that was not given out is anybody's.
func FuzzAuthenticate(f *testing.F) {
	s, err := open(f.Context(), filepath.Join(f.TempDir(), File), Options{}, cost{memoryKiB: 8, passes: 1, threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	for _, kind := range []Kind{Session, APIToken, Credential, Enrolment} {
		token, _ := mint(kind)
		f.Add(token)
		f.Add(string(kind))
	}
	f.Add("ags_' OR 1=1 --")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, token string) {
		who, err := s.Authenticate(t.Context(), token)
		if err == nil || who.Kind != rpc.Nobody || rpc.CodeOf(err) != rpc.Unauthorized {
			t.Errorf("%q is %s: %v", token, who, err)
		}
		if _, err := s.Enrol(t.Context(), token, "c"); rpc.CodeOf(err) != rpc.Unauthorized {
			t.Errorf("%q enrols: %v", token, err)
		}
	})
}
