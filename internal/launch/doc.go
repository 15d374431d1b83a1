// Package launch is what both sides of a task share: the command that starts
// it, the environment that it finds, and the words for how it ended.
package launch
