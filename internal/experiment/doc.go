// Package experiment runs the paper's experiments, and the demonstration, with
// real processes over real brokers, and reads their figures from the timeline
// that the services write. Each run starts what it needs on ports of its own
// and leaves no process behind.
package experiment
