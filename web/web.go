// Package web holds the operator's console, a TypeScript application that is
// built by npm into dist/app, so that the one binary carries it. A build without
// npm has no console; the API and the command line do not need it.
package web

import (
	"embed"
	"io/fs"
)

// The folder is there before the first build, with an empty file that git keeps.
//
//go:embed all:dist
var dist embed.FS

// App returns the console's files, index.html at their root and what it loads
// under assets/ with hashes in the names. It returns false if the console was
// not built when this binary was.
func App() (fs.FS, bool) {
	app, err := fs.Sub(dist, "dist/app")
	if err != nil { // cannot happen: the path is valid
		return nil, false
	}
	if _, err := fs.Stat(app, "index.html"); err != nil {
		return nil, false
	}
	return app, true
}
