package supervise

import (
	"slices"
	"testing"
)

func TestFilterEnviron(t *testing.T) {
	environ := []string{
		"PATH=/bin", "PATHS=x", "LC_ALL=C", "XLC_=x", "HTTP_PROXY=p", "no_proxy=n", "OMP_NUM_THREADS=2",
		"AMQP_PASSWORD=secret", "AGATA_TOKEN=secret", "MINE_A=1", "EMPTY=", "malformed",
	}
	got := filterEnviron(environ, append(BaseAllow(), "MINE_*", "EMPTY"), []string{"AGATA_TASK_ID=t", "PATH=/mine", "AGATA_TASK_ID=u"})
	want := []string{"PATH=/mine", "LC_ALL=C", "HTTP_PROXY=p", "no_proxy=n", "OMP_NUM_THREADS=2", "MINE_A=1", "EMPTY=", "AGATA_TASK_ID=u"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEnvironTakesThisProcess(t *testing.T) {
	t.Setenv("CUDA_VISIBLE_DEVICES", "1")
	t.Setenv("DB_PASSWORD", "secret")
	got := Environ(nil, EnvTaskID+"=t")
	if !slices.Contains(got, "CUDA_VISIBLE_DEVICES=1") || !slices.Contains(got, "AGATA_TASK_ID=t") || slices.Contains(got, "DB_PASSWORD=secret") {
		t.Errorf("%q", got)
	}
	if !slices.Contains(Environ([]string{"DB_*"}), "DB_PASSWORD=secret") {
		t.Error("what the caller allows is not passed on")
	}
}
