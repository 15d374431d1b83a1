package obs

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuild(t *testing.T) {
	recorded := &debug.BuildInfo{
		GoVersion: "go1.26", Main: debug.Module{Version: "v0.9.0"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	for _, tc := range []struct {
		name            string
		info            *debug.BuildInfo
		version, commit string
		want            Build
	}{
		{"recorded", recorded, "", "", Build{"v0.9.0", "abc", "2026-01-02T03:04:05Z", true, "go1.26"}},
		{"linker wins", recorded, "v1.0.0", "def", Build{"v1.0.0", "def", "2026-01-02T03:04:05Z", true, "go1.26"}},
		{"nothing known", &debug.BuildInfo{}, "", "", Build{"devel", "unknown", "", false, runtime.Version()}},
		{"development", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "", "", Build{"devel", "unknown", "", false, runtime.Version()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, build(tc.info, tc.version, tc.commit)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if v := Version(); v.Version == "" || v.Commit == "" || v.Go != runtime.Version() {
		t.Errorf("Version = %+v", v)
	}
	want := "agata v1, commit abc (modified), go1.26, " + runtime.GOOS + "/" + runtime.GOARCH
	if got := (Build{Version: "v1", Commit: "abc", Dirty: true, Go: "go1.26"}).String(); got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}
