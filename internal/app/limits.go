package app

import (
	"fmt"
	"os"

	"github.com/agata-fl/agata/internal/supervise"
)

const mib = 1 << 20

// limits are those around each task.
func (a *App) limits() supervise.Limits {
	t := a.cfg.Tasks
	return supervise.Limits{
		Memory: int64(t.MemoryMB) * mib, CPUPercent: t.CPUPercent, Processes: int64(t.Processes),
		OpenFiles: uint64(t.OpenFiles), FileBytes: int64(t.FileMB) * mib,
	}
}

// taskAccount is whom tasks run as, nil for this process's own account. Another
// one passes through the data folder to what is its own there, and lists nothing;
// the files that are not for it have modes of their own.
func (a *App) taskAccount() (*supervise.Account, error) {
	account, err := supervise.LookUpAccount(a.cfg.Tasks.User)
	if account == nil || err != nil {
		return nil, err
	}
	for _, dir := range append([]string{a.cfg.Data}, a.clientFolders()...) {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, fmt.Errorf("make %s: %w", dir, err)
		}
		info, err := os.Stat(dir)
		if err == nil {
			err = os.Chmod(dir, info.Mode().Perm()|0o011)
		}
		if err != nil {
			return nil, fmt.Errorf("let the account %s through %s: %w", account.Name, dir, err)
		}
	}
	return account, nil
}

func (a *App) clientFolders() (dirs []string) {
	if a.has(ClientTaskManager) {
		for i := range a.opt.Clients {
			dirs = append(dirs, a.clientData(ClientTaskManager, i))
		}
	}
	return dirs
}
