// Package guard stands before the routes of the cloud gateway: it finds out who
// makes a request, how often they may, and whether they may make this one. A nil
// Guard is that of an open cloud, which asks nobody.
package guard
