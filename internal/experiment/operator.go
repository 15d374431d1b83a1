package experiment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// upload sends a task's files to the cloud.
func (l *lab) upload(ctx context.Context, m tasks.Manifest, read func(name string) ([]byte, error)) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.WriteField("task_id", m.TaskID); err != nil {
		return err
	}
	names := slices.Concat(m.ServerFiles, m.FilesPaths)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		content, err := read(name)
		if err != nil {
			return err
		}
		part, err := w.CreateFormFile("files", name)
		if err != nil {
			return err
		}
		if _, err := part.Write(content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.cloud.FilesURL()+"/upload_files", &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	secure, err := pki.ClientConfig(l.cloud.TLS, l.opt.Logger)
	if err != nil {
		return err
	}
	transport := httpx.Secure(&http.Transport{}, secure)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("upload the files of task %s: %w", m.TaskID, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("upload the files of task %s: %s: %s", m.TaskID, resp.Status, text)
	}
	return nil
}

// register creates a task, as an operator's program does.
func (l *lab) register(ctx context.Context, m tasks.Manifest) error {
	const function = "register_task"
	l.recorder.Event(ctx, contract.About{Task: m.TaskID}, function, "Started registering a task")
	_, err := rpc.Call(ctx, l.operator, contract.CreateTask, contract.CreateTaskRequest{
		TaskID: m.TaskID, Host: "127.0.0.1", Port: portOf(m), Username: "user", Password: "123", FilesPaths: m.FilesPaths,
		SelectionCriteria: m.SelectionCriteria, ServerArguments: m.ServerArguments, ClientArguments: &m.ClientArguments, Tags: m.Tags,
	})
	if err != nil {
		return fmt.Errorf("register task %s: %w", m.TaskID, err)
	}
	l.recorder.Event(ctx, contract.About{Task: m.TaskID}, function, "Finished registering a task")
	return nil
}

// startTask starts a task's server side.
func (l *lab) startTask(ctx context.Context, id string) error {
	const function = "start_task"
	l.recorder.Event(ctx, contract.About{Task: id}, function, "Started starting a task")
	if _, err := rpc.Call(ctx, l.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: id}); err != nil {
		return fmt.Errorf("start task %s: %w", id, err)
	}
	l.recorder.Event(ctx, contract.About{Task: id}, function, "Finished starting a task")
	return nil
}

// prepare uploads, registers and starts a task of the catalogue.
func (l *lab) prepare(ctx context.Context, id string) (tasks.Manifest, error) {
	m, err := tasks.Load(id)
	if err != nil {
		return m, err
	}
	return l.launch(ctx, m)
}

// launch uploads, registers and starts a task, on a free port.
func (l *lab) launch(ctx context.Context, m tasks.Manifest) (tasks.Manifest, error) {
	m, err := onFreePort(m)
	if err != nil {
		return m, err
	}
	read := m.ReadFile
	if m.Build != "" {
		read = func(string) ([]byte, error) { return os.ReadFile(l.opt.GoTask) }
	}
	if err := l.upload(ctx, m, read); err != nil {
		return m, err
	}
	if err := l.register(ctx, m); err != nil {
		return m, err
	}
	return m, l.startTask(ctx, m.TaskID)
}

// onFreePort moves a task's server to a port that is free now.
func onFreePort(m tasks.Manifest) (tasks.Manifest, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return m, err
	}
	defer ln.Close()
	free := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	old := strconv.Itoa(portOf(m))
	m.ServerArguments = strings.Replace(m.ServerArguments, "--port "+old, "--port "+free, 1)
	m.ClientArguments = strings.Replace(m.ClientArguments, "127.0.0.1:"+old, "127.0.0.1:"+free, 1)
	return m, nil
}

// portOf is the port that a task's server arguments name.
func portOf(m tasks.Manifest) int {
	fields := strings.Fields(m.ServerArguments)
	for i := 1; i < len(fields); i++ {
		if fields[i-1] == "--port" {
			if p, err := strconv.Atoi(fields[i]); err == nil {
				return p
			}
		}
	}
	return 0
}
