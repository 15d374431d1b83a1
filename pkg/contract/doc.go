// Package contract is the wire that AGATA's services and their peers in other
// languages share: the names of the functions, the shapes of their requests and
// answers, the JSON Schemas that guard them, the texts that peers test for, and
// the events of the timeline.
//
// It holds facts about the wire and no behaviour, so that the gateway, the
// services, the command line and the documentation have one truth.
package contract
