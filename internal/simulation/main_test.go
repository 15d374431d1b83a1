package simulation

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// replayEnv makes the test binary run small's world and print its digest.
const replayEnv = "AGATA_TEST_REPLAY"

func TestMain(m *testing.M) {
	if os.Getenv(replayEnv) != "" {
		r, err := Run(context.Background(), small(7))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(r.Hash)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
