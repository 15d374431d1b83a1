// Package usermanager keeps the clients and what they have: the attributes that
// decide which tasks a client is offered. It serves three functions on the
// cloud broker (update, get and list) and keeps its records in one SQLite file,
// so that a client is known again after a restart.
package usermanager
