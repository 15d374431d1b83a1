package historytest

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
)

// step is one event of a story, as the services word it.
type step struct{ service, function, text string }

// The services' own texts, in the order in which they come.
var (
	starting = []step{
		{contract.EventOperator, "create_task", "Started registering a task"},
		{contract.EventCloudGateway, "rpc_handler", "Started redirecting rpc_exec_create_task msg"},
		{contract.EventCloudTasks, contract.CreateTask.Name, "Started task creation"},
		{contract.EventCloudTasks, contract.CreateTask.Name, "Finished task creation"},
		{contract.EventCloudGateway, "rpc_handler", "Finished redirecting rpc_exec_create_task msg"},
		{contract.EventCloudTasks, contract.StartServerTask.Name, "Started server task initialization"},
		{contract.EventCloudTasks, contract.StartServerTask.Name, "Finished server task initialization"},
	}
	asking = []step{
		{contract.EventClientTasks, "update_user_info", "Started getting client stats for sending"},
		{contract.EventClientTasks, "update_user_info", "Finished getting client stats for sending"},
		{contract.EventUserManager, contract.UpdateUser.Name, "Started updating user info"},
		{contract.EventUserManager, contract.UpdateUser.Name, "Finished updating user info"},
		{contract.EventClientTasks, "request_task", "Started requesting task"},
		{contract.EventClientGateway, "rpc_handler", "Started redirecting rpc_exec_client_requesting_task msg"},
		{contract.EventCloudTasks, contract.RequestTasks.Name, "Started responding requested task to client"},
		{contract.EventCloudTasks, contract.RequestTasks.Name, "Finished responding requested task to client"},
		{contract.EventClientGateway, "rpc_handler", "Finished redirecting rpc_exec_client_requesting_task msg"},
		{contract.EventClientTasks, "request_task", "Finished requesting task"},
	}
	launching = []step{
		{contract.EventClientTasks, "_run_task_one_policy", "Started downloading task"},
		{contract.EventClientTasks, "_run_task_one_policy", "Finished downloading task"},
		{contract.EventClientTasks, "start_client_task", "Started client task initialization"},
		{contract.EventClientTasks, "start_client_task", "Finish client task initialization"},
		{"client", "main", "Started client"},
	}
)

// atCloud tells whether a service's events have no client.
func atCloud(service string) bool {
	switch service {
	case contract.EventClientTasks, contract.EventClientGateway, "client":
		return false
	}
	return true
}

func (f *filling) tellSteps(ctx context.Context, steps []step, about contract.About, client string) error {
	for _, s := range steps {
		at := client
		if atCloud(s.service) {
			at = ""
		}
		if err := f.event(ctx, about, at, s.service, s.function, s.text); err != nil {
			return err
		}
	}
	return nil
}

// meet tells the state of a client, which is there now.
func (f *filling) meet(ctx context.Context, client string) error {
	if err := f.store.Seen(ctx, client, f.end); err != nil {
		return err
	}
	return f.tell(ctx, contract.Record{Kind: contract.RecordClient, Client: client,
		State: &contract.ClientState{UserID: client, Policy: "one", Running: []contract.Execution{}, Quarantined: []contract.QuarantinedFor{}}})
}

// start tells the start of a task, whose server runs on.
func (f *filling) start(ctx context.Context, task string) error {
	about := contract.About{Task: task, Execution: uuid.NewString()}
	f.servers[task] = &server{about: about}
	if err := f.tellSteps(ctx, starting, about, ""); err != nil {
		return err
	}
	return f.tell(ctx, contract.Record{Kind: contract.RecordExecution, About: about,
		Run: &contract.ExecutionRun{Side: contract.SideServer, State: "running", PID: 1000 + f.random.IntN(30000), Started: f.at}})
}

// visit tells that a client asks for tasks, and at times runs one.
func (f *filling) visit(ctx context.Context, client, task string) error {
	if err := f.tellSteps(ctx, asking, contract.About{}, client); err != nil {
		return err
	}
	if f.random.IntN(3) > 0 {
		return nil
	}
	about := contract.About{Task: task, Execution: uuid.NewString()}
	run := contract.ExecutionRun{Side: contract.SideClient, State: "running", PID: 1000 + f.random.IntN(30000), Started: f.at}
	if err := f.tellSteps(ctx, launching, about, client); err != nil {
		return err
	}
	if err := f.tell(ctx, contract.Record{Kind: contract.RecordExecution, Client: client, About: about, Run: &run}); err != nil {
		return err
	}
	rounds := 1 + f.random.IntN(8)
	for n := range rounds {
		f.later(20)
		acc := 0.95 - 0.6/float64(n+2) - 0.03*f.random.Float64()
		round := contract.Round{Side: contract.SideClient, Round: strconv.Itoa(n + 1), Acc: fmt.Sprintf("%.4f", acc), Loss: fmt.Sprintf("%.4f", 2-2*acc)}
		if err := f.tell(ctx, contract.Record{Kind: contract.RecordRound, Client: client, About: about, Round: &round}); err != nil {
			return err
		}
	}
	if err := f.aggregate(ctx, f.servers[task]); err != nil {
		return err
	}
	return f.finish(ctx, client, about, run)
}

// aggregate tells the next round of a task's server, a little better than the last.
func (f *filling) aggregate(ctx context.Context, s *server) error {
	s.round++
	acc := fmt.Sprintf("%.4f", 0.95-0.6/float64(s.round+1)-0.01*f.random.Float64())
	round := contract.Round{Side: contract.SideServer, Round: strconv.Itoa(s.round), Acc: acc}
	if err := f.tell(ctx, contract.Record{Kind: contract.RecordRound, About: s.about, Round: &round}); err != nil {
		return err
	}
	return f.event(ctx, s.about, "", contract.EventCloudTasks, "model", fmt.Sprintf("Round %d accuracy %s", s.round, acc))
}

// finish tells the end of an execution: most go well, some fail, a few run on.
func (f *filling) finish(ctx context.Context, client string, about contract.About, run contract.ExecutionRun) error {
	lot := f.random.IntN(100)
	if lot < 2 {
		return nil
	}
	f.later(10)
	run.Ended, run.State, run.Reason = f.at, "finished", "report_done"
	code := 0
	steps := []step{
		{"client", "main", "Finished client"},
		{contract.EventClientTasks, "finish_task", fmt.Sprintf("Started handling task %s finalization", about.Task)},
		{contract.EventClientTasks, "finish_task", fmt.Sprintf("Finished handling task %s finalization", about.Task)},
	}
	run.LastLines = []string{"INFO flwr: disconnect and shut down"}
	if lot < 10 {
		code, run.State, run.Reason, run.Detail = 1, "failed", "report_error", "the task told an error: no sensor data"
		run.LastLines = []string{"Traceback (most recent call last):", "  File \"client.py\", line 41, in <module>", "RuntimeError: no sensor data"}
		steps = []step{
			{contract.EventClientTasks, "handle_error_from_task", "Started handling error from task " + about.Task},
			{contract.EventClientTasks, "handle_error_from_task", "Finished handling error from task " + about.Task},
		}
	}
	run.ExitCode = &code
	if err := f.tellSteps(ctx, steps, about, client); err != nil {
		return err
	}
	return f.tell(ctx, contract.Record{Kind: contract.RecordExecution, Client: client, About: about, Run: &run})
}
