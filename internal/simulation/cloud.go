package simulation

import (
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/pkg/contract"
)

// maxTasks bounds the tasks of a world; a set of them is 64 bits.
const maxTasks = 24

// cloud is the cloud task manager and what it keeps.
type cloud struct {
	up     bool
	life   uint32
	offers control.Offers // in memory: gone with the manager
	tasks  []task         // its database, and the processes of the servers
}

// task is a task's record, its files and its server's process.
type task struct {
	id        string
	selection string
	criteria  *criteria.Expr
	programs  []program // by version of its files; there is none 0
	version   int32
	running   bool // its record says so
	server    int32
	alive     bool // its process is there
	finished  bool // how that ended
	ended     time.Duration
}

// selections are criteria that operators think of.
var selections = []string{
	"", "", `data_qnt > 50`, `(data_qnt > 20) and ("camera" in sensors)`, `gpu`, `not gpu and data_qnt < 70`,
	`"lidar" in sensors or data_qnt % 3 == 0`, `len(sensors) > 0`, `avg_acc_contrib > 0.5`,
}

func (c *cloud) index(id string) int16 {
	n := int16(0)
	for i := range len(id) - 1 {
		n = n*10 + int16(id[i+1]-'0')
	}
	return n
}

// create registers a task.
func (w *world) create() {
	n := len(w.cloud.tasks)
	w.cloud.tasks = append(w.cloud.tasks, task{id: fmt.Sprintf("t%d", n), programs: []program{0}})
	w.upload(int16(n))
	w.choose(int16(n))
}

// upload gives a task new files.
func (w *world) upload(n int16) {
	t := &w.cloud.tasks[n]
	t.version++
	p := sound
	switch draw := w.rng.Float64(); {
	case draw < 0.15:
		p = broken
	case draw < 0.25:
		p = flaky
	}
	t.programs = append(t.programs, p)
}

// choose gives a task criteria.
func (w *world) choose(n int16) {
	t := &w.cloud.tasks[n]
	t.selection = selections[w.rng.IntN(len(selections))]
	var err error
	if t.criteria, err = criteria.Compile(t.selection); err != nil {
		panic(err) // they are ours
	}
	for _, c := range w.clients {
		w.fitOne(c, n)
	}
}

func (t *task) offer(n int16) *control.Offer {
	o, err := control.NewOffer(int64(n), contract.OfferedTask{ID: t.id, Host: "cloud", Port: 1, Username: "u", Password: "p", FilesPaths: []string{"client.py"}, Execution: execution(t.server)}, t.selection)
	if err != nil {
		panic(err) // the criteria are ours
	}
	return o
}

// execution is the id of an execution of a server; later ones are greater.
func execution(server int32) string { return fmt.Sprintf("%08d", server) }

// startServer is rpc_exec_start_server_task.
func (w *world) startServer(n int16) {
	t := &w.cloud.tasks[n]
	t.server++
	t.running, t.alive = true, true
	w.cloud.offers.Add(t.offer(n))
	exit := event{kind: evServerExit, who: int32(n), arg: int64(t.server) << 1}
	switch draw := w.rng.Float64(); {
	case draw < 0.5:
		exit.arg |= 1
		w.push(w.between(20*time.Minute, 8*time.Hour), exit)
	case draw < 0.65:
		w.push(w.between(time.Second, 3*time.Hour), exit)
	}
}

// stopServer is rpc_exec_stop_server_task.
func (w *world) stopServer(n int16) {
	t := &w.cloud.tasks[n]
	t.running, t.alive, t.ended = false, false, w.now
	w.cloud.offers.Remove(t.id)
	w.deserted(n)
}

// deserted: some clients' processes notice by themselves that their server is gone.
func (w *world) deserted(n int16) {
	for _, c := range w.clients {
		for _, exec := range c.disk.executions {
			if p := &w.procs[exec]; p.alive && p.task == n && w.chance(0.4) {
				w.exitAfter(w.between(time.Second, time.Minute), exec, endTemporary)
			}
		}
	}
}

func (w *world) atCloud(e *event) {
	switch e.kind {
	case evServerExit:
		t := &w.cloud.tasks[e.who]
		if !t.alive || int64(t.server) != e.arg>>1 || w.calm() {
			return
		}
		t.alive, t.finished, t.ended = false, e.arg&1 == 1, w.now
		w.deserted(int16(e.who))
		if w.cloud.up {
			w.push(w.between(time.Millisecond, 30*time.Millisecond), event{kind: evServerSeen, who: e.who, arg: e.arg, life: w.cloud.life})
		}
	case evServerSeen:
		t := &w.cloud.tasks[e.who]
		if w.cloud.up && e.life == w.cloud.life && int64(t.server) == e.arg>>1 && !t.alive && t.running {
			w.conclude(int16(e.who))
		}
	case evCloudUp:
		w.recoverCloud()
	}
}

// conclude records the end of a server.
func (w *world) conclude(n int16) {
	t := &w.cloud.tasks[n]
	t.running = false
	w.cloud.offers.Remove(t.id)
	w.changed(n, causeServer)
}

// killCloud ends the cloud's services, or its machine, with its servers.
func (w *world) killCloud(power bool) {
	if !w.cloud.up {
		return
	}
	w.cloud.up = false
	w.cloud.life++
	for _, o := range w.cloud.offers.All() {
		w.cloud.offers.Remove(o.Task.ID)
	}
	away := w.between(2*time.Second, time.Minute)
	if power {
		away = w.between(30*time.Second, 10*time.Minute)
		for i := range w.cloud.tasks {
			if t := &w.cloud.tasks[i]; t.alive {
				t.alive, t.finished, t.ended = false, false, w.now
				w.deserted(int16(i))
			}
		}
	}
	w.push(away, event{kind: evCloudUp, arg: int64(w.cloud.life)})
}

// recoverCloud goes by its record, as services/cloud-task-manager/recover.go does:
// servers that run are adopted, the others get their end.
func (w *world) recoverCloud() {
	w.cloud.up = true
	for i := range w.cloud.tasks {
		switch t := &w.cloud.tasks[i]; {
		case t.running && t.alive:
			w.cloud.offers.Add(t.offer(int16(i)))
		case t.running:
			t.running = false
		}
	}
	for _, c := range w.clients {
		w.check(c, causeCloud)
	}
}
