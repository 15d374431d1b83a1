package control

import (
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// Kind is what an [Action] asks for.
type Kind uint8

// The kinds of actions.
const (
	// Poll: ask the cloud which tasks this client may run, and tell the answer by
	// Offered, Unreachable or Refused. There is one poll at a time; all else is told
	// meanwhile as it comes.
	Poll Kind = iota
	// Launch: bring the task's files up to date and start it. Told by Launched or Ended.
	Launch
	// Stop: end the execution, since the cloud offers its task no more or somebody
	// stopped it there. Told by Ended.
	Stop
)

// Action is what whoever drives a [Client] has to do next.
type Action struct {
	Kind Kind

	Prompted bool // Poll: something led to it, not the time

	Task    contract.OfferedTask // Launch
	Again   bool                 // Launch: a version of it is held; see whether its files are new
	Offline bool                 // Launch: the cloud is away; the files on disk will do, if they are those of the last download

	TaskID    string // Stop
	Execution string // Stop
	Halted    bool   // Stop: somebody stopped the task at the cloud
}

// Result is how a launch or an execution ended.
type Result uint8

// The results.
const (
	Kept      Result = iota // not started: held with these very files
	NotOnDisk               // not started: the cloud is away, and the files on disk are not those of the last download
	Finished
	Failed
	Stopped // by us
)

// Outcome tells a [Client] that a launch led to nothing, or that an execution ended.
type Outcome struct {
	Task      string
	Execution string // "": nothing was started
	Result    Result
	Reason    policy.Reason // of Failed
	Held      bool          // of Failed: the quarantine holds it now
}
