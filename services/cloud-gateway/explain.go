package cloudgateway

import (
	"context"
	"errors"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// explain says of a failure on the way to a service what its caller can make
// use of. What a service itself answered stays as it is.
func (s *Service) explain(fn string, known function, err error) error {
	switch {
	case errors.Is(err, rpc.ErrNobody) && known.service == "":
		return rpc.Text(rpc.NotFound, contract.InvalidFunction(fn))
	case errors.Is(err, rpc.ErrNobody):
		return rpc.Errorf(rpc.Unavailable, "%s is not running, nobody else serves %s: start it", known.service, fn)
	case ranOut(err) && known.service == "":
		return rpc.Errorf(rpc.Deadline, "no answer from %s within %s", fn, s.timeout)
	case ranOut(err):
		// A queue may be there although its service is not.
		return rpc.Errorf(rpc.Deadline, "no answer from %s within %s: %s is busy or not running", fn, s.timeout, known.service)
	}
	return err
}

// ranOut tells whether the deadline ended the call, here or, a moment earlier,
// in the service.
func ranOut(err error) bool {
	return rpc.CodeOf(err) == rpc.Deadline && (errors.Is(err, context.DeadlineExceeded) || err.Error() == context.DeadlineExceeded.Error())
}
