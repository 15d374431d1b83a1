// Package api is the cloud gateway's own HTTP API, /api/v1: what an operator's
// console and command line need of a federation, as resources with pages, problem
// details, revisions and live streams. docs/openapi.yaml describes it.
//
// What runs now is asked of the services by RPC; what happened is read from the
// history, which this package also fills: from the cloud broker's queue of records
// and from what the clients' gateways post.
package api
