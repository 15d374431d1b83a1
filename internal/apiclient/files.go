package apiclient

import (
	"context"
	"net/http"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
)

// TaskFiles lists the files of a task at the cloud.
func (c *Client) TaskFiles(ctx context.Context, task string) (Object[contract.TaskFiles], error) {
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return Object[contract.TaskFiles]{}, err
	}
	return get[contract.TaskFiles](ctx, c, path("tasks", task, "files"), nil)
}

// DeleteTaskFile deletes a file of a task at the cloud.
func (c *Client) DeleteTaskFile(ctx context.Context, task, file string) error {
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return err
	}
	_, err := c.ask(ctx, request{method: http.MethodDelete, path: filePath(task, file)}, nil)
	return err
}

// filePath keeps the slashes of a file's path.
func filePath(task, file string) string {
	return path(append([]string{"tasks", task, "files"}, strings.Split(file, "/")...)...)
}
