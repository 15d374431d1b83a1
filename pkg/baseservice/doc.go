// Package baseservice is the skeleton that every AGATA microservice stands on:
// typed functions over a broker, guarded by the contract's JSON Schemas, behind
// middleware for panics, metrics, logs and deadlines, with a drain at the end,
// answers about itself, and events for the timeline.
//
//	svc, err := baseservice.New(baseservice.Options{Name: "user-manager", Transport: t})
//	baseservice.Handle(svc, contract.GetUser, manager.GetUser, baseservice.Concurrency(8))
//	return svc.Run(ctx)
package baseservice
