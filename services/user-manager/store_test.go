package usermanager

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// openDatabase opens one that is at path, or in its place.
func openDatabase(t testing.TB, path string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), path, migrations(), database.Options{Server: server(t, filepath.Dir(path))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// server is where the stores of a folder are in this run of the tests.
func server(t testing.TB, folder string) database.Server {
	t.Helper()
	return database.Server{URL: testenv.Store(t, folder)}
}

func openStore(t testing.TB) *store {
	t.Helper()
	db := openDatabase(t, filepath.Join(t.TempDir(), "x.db"))
	s, err := newStore(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDates(t *testing.T) {
	s := openStore(t)
	first := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	for i := range 3 {
		now := first.Add(time.Duration(i) * time.Hour)
		if err := s.update(t.Context(), updateRequest{UpdateUserRequest: contract.UpdateUserRequest{UserID: "u"}}, now); err != nil {
			t.Fatal(err)
		}
		u, found, err := s.get(t.Context(), "u")
		if err != nil || !found || !u.CreationDate.Equal(first) || !u.LastModDate.Equal(now) {
			t.Errorf("update %d: created %s, changed %s, %v", i, u.CreationDate, u.LastModDate, err)
		}
	}
}

func TestPagesStayWithinBytes(t *testing.T) {
	s := openStore(t)
	value := json.RawMessage(`"` + strings.Repeat("x", 4000) + `"`)
	req := updateRequest{Attributes: map[string]json.RawMessage{}}
	for i := range 15 {
		req.Attributes[fmt.Sprintf("a%d", i)] = value
	}
	const users = 60 // of 60 kB each
	for i := range users {
		req.UserID = fmt.Sprintf("u%02d", i)
		if err := s.update(t.Context(), req, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	listed, after := 0, ""
	for {
		page, err := s.list(t.Context(), after, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(page)
		if err != nil || len(b) > maxPage+maxAttributeSum+maxSensors {
			t.Errorf("a page of %d users has %d bytes, %v", len(page.Users), len(b), err)
		}
		listed += len(page.Users)
		if after = page.Next; after == "" {
			break
		}
	}
	if listed != users {
		t.Errorf("%d users in all pages, want %d", listed, users)
	}
}
