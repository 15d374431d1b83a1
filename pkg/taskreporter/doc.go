// Package taskreporter is the language that a task process speaks to the
// manager that launched it: one JSON object a line.
//
// A task written in Go makes a [Reporter] and says through it what happens: that
// it started, what each round gave, that it failed, that it is done. The manager
// reads the same lines with [Parse], which takes everything that is no report
// for what it then is: the task's log output. Tasks in Python use the twin of
// this package in the folder python.
//
// The lines go to the file that the environment names in [EnvReports], if any,
// and to standard output otherwise. The file is the better way: it is not mixed
// with what the task prints.
//
// Reports are hints. The truth about a process is its exit, so nothing here is
// needed to run a task, and a lost line costs a line of the timeline only.
package taskreporter

// EnvReports is the environment variable that names the file to which a task
// appends its reports. Without it they go to standard output.
const EnvReports = "AGATA_REPORTS"

// MaxLine is the longest report in bytes, without the newline. A longer line is
// log output to [Parse]; reporters shorten their texts to stay within it.
const MaxLine = 64 << 10
