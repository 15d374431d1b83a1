package doctor

import (
	"strings"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/supervise"
)

// taskLimits tells what keeps the limits around tasks, and whether tasks can run
// as the account that is set.
func taskLimits(p Probes, t config.Tasks) Result {
	if err := p.Account(t.User); err != nil {
		return failed("name an account without privileges as user in section [tasks], and start AGATA as root; or leave it empty", "%v", err)
	}
	as := "as AGATA's own account"
	if t.User != "" {
		as = "as " + t.User
	}
	wanted := supervise.Controllers(supervise.Limits{Memory: int64(t.MemoryMB), CPUPercent: t.CPUPercent, Processes: int64(t.Processes)})
	if len(wanted) == 0 {
		return ok("tasks run %s; no limit of memory, processor time or processes is set", as)
	}
	missing, err := p.Controllers(wanted)
	const mend = "in AGATA's systemd unit: Delegate=yes and DelegateSubgroup=agata-manager (systemd 254), on a machine with cgroups of version 2"
	switch {
	case err != nil:
		return warning(mend, "tasks run %s; their limits of %s are not kept, or only process by process: %v", as, strings.Join(wanted, ", "), err)
	case len(missing) > 0:
		return warning(mend, "tasks run %s; a cgroup does not keep their limits of %s", as, strings.Join(missing, ", "))
	}
	return ok("tasks run %s; cgroups keep their limits of %s", as, strings.Join(wanted, ", "))
}

func missingControllers(wanted []string) ([]string, error) {
	found, err := supervise.FindCgroups("", wanted)
	if err != nil {
		return nil, err
	}
	return found.Missing(wanted), nil
}

func findAccount(name string) error {
	_, err := supervise.LookUpAccount(name)
	return err
}
