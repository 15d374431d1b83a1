package app

// alone tells whether a service of the cloud may have no other of its name on the
// broker. Those that keep what they know in files of their own would each answer by
// half of it: an account, a client or a record would be there for one and not for
// the other. The task manager's processes and files are its machine's in any case.
func (a *App) alone(service string) bool {
	return service == CloudTaskManager || !a.cfg.SharedStore()
}
