package supervise

import (
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/pkg/contract"
)

// Reason says in one word how a process ended: one of the contract's, or
// ReasonStopped.
type Reason = contract.Reason

// The reasons that a process itself can end for, a closed set. A stop is not one
// that others are told: why it was asked for is, and the asker knows that.
const (
	ReasonExited        Reason = shim.ReasonExited        // by itself, code 0
	ReasonExitNonzero   Reason = shim.ReasonExitNonzero   // by itself, another code
	ReasonSignaled      Reason = shim.ReasonSignaled      // by a signal that was not a stop
	ReasonOOMKilled     Reason = shim.ReasonOOMKilled     // by the kernel, for want of memory
	ReasonLimitExceeded Reason = shim.ReasonLimitExceeded // by the kernel, for processor time or file size
	ReasonStopped       Reason = shim.ReasonStopped       // because a stop was asked for, however it then ended
	ReasonLost          Reason = shim.ReasonLost          // its shim died or the machine restarted: nobody saw how
	ReasonStartFailed   Reason = shim.ReasonStartFailed   // it never ran
)

// Exit is how a process ended.
type Exit struct {
	Reason Reason
	Code   int    // the exit code; -1 when a signal ended it, or nobody knows
	Signal int    // the signal that ended it; 0 when none did
	Core   bool   // it dumped core
	Error  string // start_failed and lost: what happened
	Memory int64  // oom_killed: the task's own limit in bytes; 0: the machine's memory ended

	CPU    time.Duration // user and system time of it and of the children it waited for
	MaxRSS int64         // bytes, the largest among them

	StartedAt time.Time
	EndedAt   time.Time
	LastLines []Line // its last lines of output, as Tail(20)
}

func exitOf(e shim.Exit) Exit {
	return Exit{
		Reason: Reason(e.Reason), Code: e.Code, Signal: e.Signal, Core: e.Core, Error: e.Error, Memory: e.Memory,
		CPU: e.UserTime + e.SysTime, MaxRSS: e.MaxRSS,
		StartedAt: e.Started, EndedAt: e.Ended,
	}
}
