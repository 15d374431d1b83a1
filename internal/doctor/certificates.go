package doctor

import (
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/config"
)

// certificates asks whether those of the section [tls] can be used, and for how long.
func certificates(p Probes, c config.TLS) Result {
	if c == (config.TLS{}) {
		return ok("none: HTTP and AMQP in the clear")
	}
	list, err := p.Certificates(c, p.Now())
	if err != nil {
		return failed("see section [tls] of config.ini; agata tls init makes an authority and certificates, agata tls show lists them", "%v", err)
	}
	var good, soon, bad []string
	for _, e := range list {
		text := e.Setting + " until " + e.Until.Format(time.DateOnly)
		switch {
		case e.State == "ok":
			good = append(good, text)
		case strings.HasPrefix(e.State, "expires"):
			soon = append(soon, e.Setting+" ("+e.File+") "+e.State)
		default:
			bad = append(bad, e.Setting+" ("+e.File+") is "+e.State)
		}
	}
	const mend = "renew it by agata tls issue --force, or as its authority does; a renewed file needs no restart, a renewed ca does"
	switch {
	case len(bad) > 0:
		return failed(mend+"; see that the clock is right", "%s", strings.Join(append(bad, soon...), ", "))
	case len(soon) > 0:
		return warning(mend, "%s", strings.Join(soon, ", "))
	}
	return ok("%s", strings.Join(good, ", "))
}
