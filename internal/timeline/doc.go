// Package timeline gathers the events of all services from their brokers and
// reads figures from them: how long each step of an experiment took, and over
// several runs the mean with its confidence interval.
package timeline
