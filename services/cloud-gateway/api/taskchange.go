package api

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func (a *API) createTask(w http.ResponseWriter, r *http.Request, _ *params) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	body, err := a.checked(contract.CreateTask.Name, o, nil)
	if err != nil {
		return err
	}
	if err := criteriaFault(o); err != nil {
		return err
	}
	var req contract.TaskIDRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return err
	}
	if _, err := a.forward.Raw(r.Context(), contract.CreateTask.Name, body); err != nil {
		if rpc.CodeOf(err) == rpc.Conflict {
			f := conflict("There is a task "+req.TaskID+" already.", "Choose another id, or change the task that is there.")
			f.fields = map[string]string{"task_id": "is taken"}
			return f
		}
		return serverFault(contract.CreateTask.Name, err)
	}
	w.Header().Set("Location", taskPath(req.TaskID))
	return a.answerTask(w, r, req.TaskID, http.StatusCreated)
}

// criteriaFault refuses a selection expression here, where the field is known
// that is at fault.
func criteriaFault(o object) error {
	var text string
	if raw, ok := o["selection_criteria"]; !ok || json.Unmarshal(raw, &text) != nil {
		return nil
	}
	if _, err := criteria.Compile(text); err != nil {
		why := err.Error()
		if syntax, ok := errors.AsType[*criteria.SyntaxError](err); ok {
			why = "column " + itoa(syntax.Column) + ": " + syntax.Message
		}
		return badFields(map[string]string{"selection_criteria": why})
	}
	return nil
}

func (a *API) changeTask(w http.ResponseWriter, r *http.Request, _ *params) error {
	id := r.PathValue("id")
	wanted, err := a.ifMatch(r, true)
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	if _, ok := o["if_revision"]; ok {
		return badFields(map[string]string{"if_revision": "is not a field of this request: send If-Match"})
	}
	set := map[string]any{"task_id": id}
	if wanted != nil {
		set["if_revision"] = *wanted
	}
	body, err := a.checked(contract.UpdateTask.Name, o, set)
	if err != nil {
		return err
	}
	if err := criteriaFault(o); err != nil {
		return err
	}
	if _, err := a.forward.Raw(r.Context(), contract.UpdateTask.Name, body); err != nil {
		if rpc.CodeOf(err) == rpc.Conflict {
			return changed(id)
		}
		return serverFault(contract.UpdateTask.Name, err)
	}
	return a.answerTask(w, r, id, http.StatusOK)
}

// ifMatch reads the revision that a change is meant for; nil is any.
func (a *API) ifMatch(r *http.Request, required bool) (*int64, error) {
	header := r.Header.Get("If-Match")
	if header == "" {
		if !required {
			return nil, nil
		}
		return nil, &fault{status: http.StatusPreconditionRequired, code: "precondition_required",
			detail: "The change does not say which revision of the task it is meant for.",
			hint:   "Send the task's ETag in If-Match, or * for any."}
	}
	return revision(header)
}

func changed(id string) *fault {
	return &fault{status: http.StatusPreconditionFailed, code: "precondition_failed",
		detail: contract.TaskChanged(id) + ".", hint: "Read it again and repeat your change on what it is now."}
}

// deleteTask holds If-Match against the task before: between the two somebody
// may change it, which a deletion does not mind.
func (a *API) deleteTask(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	req := contract.TaskIDRequest{TaskID: r.PathValue("id")}
	wanted, err := a.ifMatch(r, false)
	if err != nil {
		return err
	}
	if wanted != nil {
		t, err := call(r.Context(), a, contract.DescribeTask, req)
		if err != nil {
			return err
		}
		if t.Revision != *wanted {
			return changed(req.TaskID)
		}
	}
	if _, err := call(r.Context(), a, contract.DeleteTask, req); err != nil {
		if rpc.CodeOf(err) == rpc.Conflict {
			return conflict(err.Error()+".", "POST "+taskPath(req.TaskID)+"/stop, then delete it.")
		}
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) startTask(w http.ResponseWriter, r *http.Request, _ *params) error {
	id := r.PathValue("id")
	o, err := readObject(r)
	if err != nil {
		return err
	}
	body, err := a.checked(contract.StartServerTask.Name, o, map[string]any{"task_id": id})
	if err != nil {
		return err
	}
	if _, err := a.forward.Raw(r.Context(), contract.StartServerTask.Name, body); err != nil {
		err = serverFault(contract.StartServerTask.Name, err)
		switch rpc.CodeOf(err) {
		case rpc.Conflict:
			return conflict("The task "+id+" runs already.", "Stop it first if it is to start anew.")
		case rpc.NotFound:
			return a.unlessMissing(r, id, conflict(err.Error(), "Upload its files, such as PUT "+taskPath(id)+"/files/server.py, then start it."))
		}
		return err
	}
	return a.answerTask(w, r, id, http.StatusOK)
}

func (a *API) stopTask(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := call(r.Context(), a, contract.StopServerTask, contract.TaskIDRequest{TaskID: id}); err != nil {
		if rpc.CodeOf(err) == rpc.NotFound {
			return a.unlessMissing(r, id, conflict("The task "+id+" is not running.", "Start it, or look how it ended."))
		}
		return err
	}
	return a.answerTask(w, r, id, http.StatusOK)
}

// unlessMissing tells a task that is not registered, which is 404, from one that
// lacks something: the wire has one code for both.
func (a *API) unlessMissing(r *http.Request, id string, lacks *fault) error {
	if _, err := call(r.Context(), a, contract.DescribeTask, contract.TaskIDRequest{TaskID: id}); err != nil {
		return err
	}
	return lacks
}

func (a *API) checkCriteria(w http.ResponseWriter, r *http.Request, _ *params) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	body, err := a.checked(contract.CheckCriteria.Name, o, nil)
	if err != nil {
		return err
	}
	var req contract.CheckCriteriaRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return err
	}
	check, err := call(r.Context(), a, contract.CheckCriteria, req)
	if err != nil {
		return err
	}
	check.Sample, check.Names = list(check.Sample), list(check.Names)
	return reply(w, http.StatusOK, check)
}
