package supervise

import (
	"os"
	"strings"
)

// Environment variables by which a task knows itself.
const (
	EnvTaskID      = "AGATA_TASK_ID"
	EnvExecutionID = "AGATA_EXECUTION_ID"
	EnvReports     = "AGATA_REPORTS" // the file to append reports to, one JSON object a line
)

// BaseAllow lists the variables that any task may see. A trailing * matches any
// ending.
func BaseAllow() []string {
	return []string{
		"PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
		"PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_*", "*_PROXY", "*_proxy",
		"OPENBLAS_*", "OMP_*", "CUDA_*", "NVIDIA_*",
	}
}

// Environ returns this process's variables that BaseAllow or allow names, then
// extra ("NAME=value"); of two with one name the later wins. What a platform
// keeps in its environment (passwords, tokens) is not a task's business, so
// nothing else is passed on.
func Environ(allow []string, extra ...string) []string {
	return filterEnviron(os.Environ(), append(BaseAllow(), allow...), extra)
}

func filterEnviron(environ, allow, extra []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		for _, pattern := range allow {
			if matches(pattern, name) {
				kept = append(kept, entry)
				break
			}
		}
	}
	return setEnv(kept, extra...)
}

// matches knows one * at the start or at the end of a pattern.
func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, suffix)
	}
	return pattern == name
}

// setEnv returns env with entries added, each replacing one of the same name.
func setEnv(env []string, entries ...string) []string {
	at := make(map[string]int, len(env)+len(entries))
	out := make([]string, 0, len(env)+len(entries))
	for _, entry := range append(env[:len(env):len(env)], entries...) {
		name, _, _ := strings.Cut(entry, "=")
		if i, ok := at[name]; ok {
			out[i] = entry
			continue
		}
		at[name] = len(out)
		out = append(out, entry)
	}
	return out
}
