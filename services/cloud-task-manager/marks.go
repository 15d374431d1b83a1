package cloudtaskmanager

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// unseenMost is after how many renewals a mark that is missing is told of: a file
// system of the network may show it late.
const unseenMost = 6

// mark is the file by which an instance shows that it has the same work folder as
// the others: the files of a task are uploaded to one, and served and run by any.
func (s *Service) mark(id string) string { return filepath.Join(s.work, "instances", id) }

func (s *Service) leaveMark() error {
	path := s.mark(s.shared.id)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(s.shared.host+"\n"), 0o644)
}

// lookForMarks warns of instances whose mark is not here.
func (s *Service) lookForMarks(others []instance) {
	unseen := map[string]int{}
	for _, i := range others {
		if _, err := os.Stat(s.mark(i.id)); !i.alive || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if unseen[i.id] = s.shared.unseen[i.id] + 1; unseen[i.id] == unseenMost {
			s.log.Warn("another task manager has another work folder, so that each has its own files of tasks: let tasks.work_cloud of both be one folder that they share",
				"other", i.String(), "work", s.work)
		}
	}
	s.shared.unseen = unseen
}
