package api

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
)

// TaskDetail is a task as the API shows it: without its password.
type TaskDetail struct {
	contract.TaskDetail
	Password    *struct{} `json:"password,omitempty"` // takes the place of the one inside, and is never there
	PasswordSet bool      `json:"password_set"`
}

func detail(t contract.TaskDetail) TaskDetail {
	set := t.Password != ""
	t.Task.Password = ""
	t.Tags, t.FilesPaths = list(t.Tags), list(t.FilesPaths)
	return TaskDetail{TaskDetail: t, PasswordSet: set}
}

// etag is a task's revision, which If-Match is about, and a hash of all else that
// is shown: how the task stands changes without an operator.
func etag(t TaskDetail) (string, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	h.Write(body)
	return fmt.Sprintf("%q", fmt.Sprintf("%d.%016x", t.Revision, h.Sum64())), nil
}

// revision reads an If-Match header: the revision that it wants, or nil for any.
// Both "7" and a whole tag such as "7.9f86d081884c7d65" name revision 7.
func revision(header string) (*int64, error) {
	header = strings.TrimSpace(header)
	if header == "*" {
		return nil, nil
	}
	bad := badFields(map[string]string{"If-Match": `must be an ETag of this task, such as "7", or *`})
	text, ok := strings.CutPrefix(strings.TrimPrefix(header, "W/"), `"`)
	if !ok {
		return nil, bad
	}
	text, ok = strings.CutSuffix(text, `"`)
	if !ok {
		return nil, bad
	}
	text, _, _ = strings.Cut(text, ".")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, bad
	}
	return &n, nil
}

func (a *API) listTasks(w http.ResponseWriter, r *http.Request, q *params) error {
	req := contract.ListTasksRequest{
		ListRequest: contract.ListRequest{After: q.cursor(), Limit: q.limit(), Query: q.text("q", 256)},
		State:       q.oneOf("state", "", "new", "running", "finished", "failed", "stopped"),
		Order:       q.oneOf("order", contract.OrderID, contract.OrderNewest),
	}
	if err := q.err(); err != nil {
		return err
	}
	page, err := call(r.Context(), a, contract.ListTasks, req)
	if err != nil {
		return err
	}
	page.Tasks = list(page.Tasks)
	for i := range page.Tasks {
		page.Tasks[i].Tags = list(page.Tasks[i].Tags)
	}
	return reply(w, http.StatusOK, page)
}

func (a *API) showTask(w http.ResponseWriter, r *http.Request, _ *params) error {
	return a.answerTask(w, r, r.PathValue("id"), http.StatusOK)
}

// answerTask answers with a task as it is now.
func (a *API) answerTask(w http.ResponseWriter, r *http.Request, id string, status int) error {
	t, err := call(r.Context(), a, contract.DescribeTask, contract.TaskIDRequest{TaskID: id})
	if err != nil {
		return err
	}
	d := detail(t)
	tag, err := etag(d)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	if wanted := r.Header.Get("If-None-Match"); wanted != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) && matches(wanted, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return reply(w, status, d)
}

// taskPath is where a task is found.
func taskPath(id string) string { return Prefix + "/tasks/" + url.PathEscape(id) }
