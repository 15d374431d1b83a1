// Package obs provides what lets an instance be observed: its logger, its metrics
// registry, trace contexts and version. Everything is made per instance, so
// that several instances run in one process without sharing state.
package obs
