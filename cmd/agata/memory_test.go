package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/agata-fl/agata/internal/app"
)

func TestTheCollectorLetsASmallHeapGrow(t *testing.T) {
	room := headroom()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.NextGC < 2*reserved {
		t.Errorf("the next collection comes at %d bytes", m.NextGC)
	}
	runtime.KeepAlive(room)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(4 * reserved))
	if room := headroom(); room != nil {
		t.Error("a process whose memory is limited reserves some of it")
	}
}

func TestWhichProcessesAreTheClouds(t *testing.T) {
	for _, c := range []struct {
		services []string
		want     bool
	}{{nil, true}, {[]string{app.CloudGateway, app.UserManager}, true}, {[]string{app.ClientTaskManager}, false}, {[]string{app.ClientGateway, app.CloudGateway}, false}} {
		if got := ofCloud(c.services); got != c.want {
			t.Errorf("%v: %t", c.services, got)
		}
	}
}
