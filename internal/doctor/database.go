package doctor

import (
	"context"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/pkg/rpc"
)

// store asks whether the cloud's services will find their database.
func store(ctx context.Context, p Probes, s config.Store) Result {
	if s.URL == "" {
		return ok("SQLite files in the data folder")
	}
	version, usable, err := p.Database(ctx, s)
	const section = " in section [server.store] of config.ini"
	switch {
	case err != nil && (rpc.CodeOf(err) == rpc.Unavailable || rpc.CodeOf(err) == rpc.Deadline):
		return failed("start PostgreSQL there and let its port through, or set url"+section, "%v", err)
	case err != nil:
		return failed("set url and password_file"+section+", and look that PostgreSQL has that user and database", "the database cannot be used: %v", err)
	case !usable:
		return failed("GRANT CREATE ON DATABASE ... TO the user of the url", "PostgreSQL %s answers, but its user may not make the services' schemas", version)
	}
	return ok("PostgreSQL %s answers at %s", version, s.URL)
}
