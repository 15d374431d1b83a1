// Package doctor looks at the machine that AGATA is to run on and says what
// stands in the way: each check has a result, what was found, and the command
// or setting that mends it.
//
// A check sees the machine only through [Probes], so that every fault can be
// tested without having it. All checks run side by side, each within a bound,
// and change nothing that lasts.
package doctor
