// Package fleet runs thousands of clients against a real cloud on one machine, and
// measures what that costs. The cloud is the services of the agata binary, each a
// process of its own, so that the memory and processor time of each, of the broker
// and of the fleet are told apart. A client is what a client's machine is to the
// cloud: [control.Client] decides, and polls, reports and the downlink go over real
// sockets as the client's services send them. What stays on a client's machine is
// left out: its broker, its disk and its processes. A task that it starts is an
// entry in a map.
package fleet
