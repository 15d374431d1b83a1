package obs

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker for releases:
//
//	go build -ldflags "-X github.com/agata-fl/agata/internal/obs.version=v1.2.3"
//
// The linker can set package variables only; nothing else writes them.
var version, commit string

// Build says which build is running.
type Build struct {
	Version string `json:"version"`        // a release such as "v1.2.3", or "devel"
	Commit  string `json:"commit"`         // the revision, or "unknown"
	Time    string `json:"time,omitempty"` // of the commit, RFC 3339; may be empty
	Dirty   bool   `json:"modified"`       // built from a tree with uncommitted changes
	Go      string `json:"go"`             // the toolchain, such as "go1.26.8"
}

// String returns one line for people.
func (b Build) String() string {
	dirty := ""
	if b.Dirty {
		dirty = " (modified)"
	}
	return fmt.Sprintf("agata %s, commit %s%s, %s, %s/%s", b.Version, b.Commit, dirty, b.Go, runtime.GOOS, runtime.GOARCH)
}

// Version returns the running build: what the linker was told, else what the Go
// toolchain recorded.
func Version() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return build(info, version, commit)
}

func build(info *debug.BuildInfo, version, commit string) Build {
	recorded := info.Main.Version
	if recorded == "(devel)" {
		recorded = ""
	}
	b := Build{Version: cmp.Or(version, recorded, "devel"), Go: cmp.Or(info.GoVersion, runtime.Version())}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	b.Commit = cmp.Or(commit, b.Commit, "unknown")
	return b
}
