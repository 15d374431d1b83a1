package supervise

import (
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// clockTick is what the kernel counts processor time in, on every architecture
// that Go knows.
const clockTick = time.Second / 100

// CPU is the processor time that the process and all its living descendants have
// used, with that of the children they waited for; false if nothing of it runs. It
// reads all of /proc.
func (p *Process) CPU() (time.Duration, bool) {
	children := map[int][]int{}
	ticks := map[int]int64{}
	for _, pid := range shim.Processes() {
		if stat, err := shim.ReadStat(pid); err == nil {
			children[stat.Parent] = append(children[stat.Parent], pid)
			ticks[pid] = stat.CPU
		}
	}
	var sum int64
	ours := children[p.record.Shim.PID] // every orphan among them is the shim's child
	found := len(ours) > 0
	for len(ours) > 0 {
		pid := ours[0]
		ours = append(ours[1:], children[pid]...)
		delete(children, pid)
		sum += ticks[pid]
	}
	return time.Duration(sum) * clockTick, found
}
