package app

// alone tells whether a service of the cloud may have no other of its name on the
// broker. Those that keep what they know in files of their own would each answer by
// half of it: an account, a client, a task or a record would be there for one and not
// for the other.
func (a *App) alone() bool { return !a.cfg.SharedStore() }
