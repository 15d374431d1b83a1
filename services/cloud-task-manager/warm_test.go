package cloudtaskmanager

import (
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// A server that asks for it is run by the interpreter that waits, one that does not
// by a new one.
func TestWarmServer(t *testing.T) {
	c := newCloud(t)
	m := c.manager(func(o *Options) { o.Warm = []string{"decimal"} })
	said := func(text string) func() bool { return func() bool { return strings.Contains(m.log.String(), text) } }
	testenv.Eventually(t, 3*time.Minute, "an interpreter is warm", said("an interpreter is warm"))
	const tell = "\nreport(type='print', message=str('decimal' in sys.modules) + ' ' + os.environ['AGATA_SERVER_ADDRESS'])\n" + forever
	for id, want := range map[string]string{"cold": "False 127.0.0.1:8080", "warm": "True 127.0.0.1:8080"} {
		c.task(id, "# agata: "+id+tell)
		c.start(id)
		c.output(id, want)
		testenv.Eventually(t, time.Minute, "the log tells", said("warm="+map[bool]string{true: "true", false: "false"}[id == "warm"]))
		c.halt(id)
		c.becomes(id, stateStopped)
	}
}
