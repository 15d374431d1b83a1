// Package launch is what both sides of a task share: the command that starts
// it, the environment that it finds, the bound of its events, and the words for
// how it ended.
package launch
