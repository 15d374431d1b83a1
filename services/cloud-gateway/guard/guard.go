package guard

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Cookie is the name of the cookie with a session's token.
const Cookie = "agata_session"

// maxKeys bounds the callers whose requests are counted.
const maxKeys = 32_768

// Options of a [Guard]. Access is required.
type Options struct {
	Access *access.Store
	// Peers admits callers without credentials to the wire's eight functions.
	Peers bool
	// SignInPerMinute bounds attempts with a password, of an address and for an
	// account; 10 if zero.
	SignInPerMinute int
	// RequestsPerSecond bounds the requests of one caller, ten times as many at
	// once; 200 if zero. Callers without credentials are told apart by address.
	RequestsPerSecond int
	Now               func() time.Time // nil: time.Now
}

// Guard is safe for concurrent use.
type Guard struct {
	access   *access.Store
	peers    bool
	requests *access.Limiter
	signIns  *access.Limiter
	origin   *http.CrossOriginProtection
}

// New makes a guard.
func New(opt Options) *Guard {
	perMinute, perSecond := cmp.Or(opt.SignInPerMinute, 10), cmp.Or(opt.RequestsPerSecond, 200)
	return &Guard{
		access: opt.Access, peers: opt.Peers, origin: http.NewCrossOriginProtection(),
		requests: access.NewLimiter(float64(perSecond), 10*perSecond, maxKeys, opt.Now),
		signIns:  access.NewLimiter(float64(perMinute)/60, perMinute, maxKeys, opt.Now),
	}
}

// Access is the store that the guard asks; nil in an open cloud.
func (g *Guard) Access() *access.Store {
	if g == nil {
		return nil
	}
	return g.access
}

// caller is who makes a request.
type caller struct {
	guard *Guard
	id    rpc.Identity
	token string // that it showed; "" if none
	why   error  // why the token is nobody's
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// Token is what the request showed as proof of who makes it; "" if nothing.
func Token(ctx context.Context) string { return callerOf(ctx).token }

// Check tells whether who began a request may go on, for what takes long: the
// error says that the credentials were revoked, or cannot be looked up.
func Check(ctx context.Context) error {
	c := callerOf(ctx)
	if c.guard == nil || c.token == "" {
		return nil
	}
	return c.guard.access.Check(ctx, c.token)
}

// identify finds out who makes a request, and counts it.
func (g *Guard) identify(r *http.Request) (caller, error) {
	c := caller{guard: g}
	key := "address " + address(r)
	if c.token = g.shown(r); c.token != "" {
		if c.id, c.why = g.access.Authenticate(r.Context(), c.token); c.why == nil {
			key = c.id.String()
		}
	}
	if wait, ok := g.requests.Allow(key); !ok {
		return c, tooMany("You make more requests than the gateway takes of one caller.", wait)
	}
	return c, nil
}

// with puts the caller into the request: what it calls, it calls in that name.
func (c caller) with(r *http.Request) *http.Request {
	ctx := context.WithValue(r.Context(), callerKey{}, c)
	if c.id.Kind != rpc.Nobody {
		ctx = rpc.WithIdentity(ctx, c.id)
	}
	return r.WithContext(ctx)
}

// noToken is what is nobody's, for credentials that cannot be read.
const noToken = "?"

// shown is the token of a request. A browser sends the cookie whoever asks it to:
// it counts only where the asking page is the gateway's own, or nothing changes.
func (g *Guard) shown(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return noToken
		}
		return cmp.Or(strings.TrimSpace(token), noToken)
	}
	cookie, err := r.Cookie(Cookie)
	if err != nil || cookie.Value == "" || g.origin.Check(r) != nil {
		return ""
	}
	if access.KindOf(cookie.Value) != access.Session { // nothing else belongs into a browser
		return noToken
	}
	return cookie.Value
}

// address is where a request comes from: of IPv6, the network that one subscriber
// has.
func address(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}

// SignIn counts an attempt with a password, and refuses too many of an address or
// for an account, be there one or not.
func (g *Guard) SignIn(r *http.Request, name string) error {
	if access.CheckName(name) != nil {
		name = "" // nobody's, and of any length
	}
	if wait, ok := g.signIns.Allow("address "+address(r), "name "+name); !ok {
		return tooMany("There were too many attempts to sign in, from your address or for this account.", wait)
	}
	return nil
}
