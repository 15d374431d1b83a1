package cloudtaskmanager

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// managerVar makes this binary a task manager instead of a test, to be killed: the
// broker that it is to stand on, and its folder.
const managerVar = "AGATA_TEST_TASK_MANAGER"

type managerSpec struct {
	Broker amqpx.Options
	Dir    string
	Data   string // "": data in Dir
	Server database.Server
	Lease  time.Duration
}

func TestMain(m *testing.M) {
	if spec := os.Getenv(managerVar); spec != "" {
		fmt.Fprintln(os.Stderr, runManager(spec))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func runManager(text string) error {
	var spec managerSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	tr, err := amqpx.New(spec.Broker)
	if err != nil {
		return err
	}
	go tr.Run(context.Background()) //nolint:errcheck // until the kill
	schemas, err := contract.CompileSchemas()
	if err != nil {
		return err
	}
	s, err := New(Options{
		Base: baseservice.Options{Transport: tr, Schemas: schemas}, Database: spec.Server,
		Data: filepath.Join(spec.Dir, cmp.Or(spec.Data, "data")), Lease: spec.Lease, Work: filepath.Join(spec.Dir, "work"), FilesAddr: "127.0.0.1:0", KeepTasks: true,
	})
	if err != nil {
		return err
	}
	return s.Run(context.Background())
}
