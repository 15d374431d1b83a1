// Package python holds the Python twin of taskreporter as files, so that AGATA
// can lay them where its tasks' interpreters find them: written out, for example
// by os.CopyFS, and named in PYTHONPATH.
//
// Beside the package agata they hold task_daemon_lib and
// microservice_interconnect, the names under which tasks of the older Python
// platform import the same things.
package python

import "embed"

// FS holds the folders agata, task_daemon_lib and microservice_interconnect.
//
//go:embed agata/*.py task_daemon_lib/*.py microservice_interconnect/*.py
var FS embed.FS
