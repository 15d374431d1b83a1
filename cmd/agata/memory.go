package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/agata-fl/agata/internal/memlimit"
)

// limitMemory has the runtime collect sooner where a control group bounds the memory,
// unless GOMEMLIMIT says how much it is to use.
func limitMemory(log *slog.Logger) {
	limit, found, err := memlimit.Find()
	if err != nil {
		log.Warn("whether the memory is limited cannot be told", "err", err)
	}
	if !found || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(limit / 10 * 9)
	log.Info("a control group limits the memory", "bytes", limit)
}

// reserved is how much garbage a process makes at least before it collects.
const reserved = 32 << 20

// headroom reserves memory for as long as the caller keeps it alive. It is never
// touched, so that it takes none of the machine's; but the collector, which comes when
// the heap has doubled, then comes seldom where the heap is small and calls are many: at
// 10,000 calls a second that would be some 40 times a second. A large heap hardly notices.
func headroom() []byte {
	if debug.SetMemoryLimit(-1) < 8*reserved {
		return nil
	}
	return make([]byte, reserved)
}

// ofCloud tells whether a process that runs these services is one of the cloud's, which
// are to be fast; a client's are to be small.
func ofCloud(services []string) bool {
	return !slices.ContainsFunc(services, func(name string) bool { return strings.HasPrefix(name, "client-") })
}
