package cloudgateway

import "regexp"

// functionName keeps a path from naming any queue of the broker; the length is
// within that of an AMQP routing key.
var functionName = regexp.MustCompile(`^rpc_exec_[a-z0-9_]{1,200}$`)
