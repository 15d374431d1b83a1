package usermanager

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// register inserts users with nothing but their ids.
func register(t testing.TB, s *store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.update(t.Context(), updateRequest{UpdateUserRequest: contract.UpdateUserRequest{UserID: id}}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// listed reads all pages of a list.
func listed(t testing.TB, s *store, query string, limit int) string {
	t.Helper()
	var ids []string
	for after := ""; ; {
		page, err := s.list(t.Context(), after, query, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			ids = append(ids, u.ID)
		}
		if after = page.Next; after == "" {
			if page.Total != len(ids) {
				t.Errorf("%q: total %d, and %d on all pages", query, page.Total, len(ids))
			}
			return strings.Join(ids, " ")
		}
		if len(page.Users) != limit {
			t.Fatalf("%q: %d users and another page", query, len(page.Users))
		}
	}
}

func TestListFinds(t *testing.T) {
	s := openStore(t)
	register(t, s, "Car-1", "car_2", "BUS%3", "Ärztin", "x")
	for query, want := range map[string]string{
		"": "BUS%3 Car-1 car_2 x Ärztin", "car": "Car-1 car_2", "AR": "Car-1 car_2", "-": "Car-1", "_": "car_2", "%": "BUS%3",
		"us%": "BUS%3", "ärz": "Ärztin", "ÄRZ": "Ärztin", "1": "Car-1", "zz": "", `"`: "", "'; --": "",
	} {
		for _, limit := range []int{1, 2, 100} {
			if got := listed(t, s, query, limit); got != want {
				t.Errorf("%q in pages of %d: %q, want %q", query, limit, got, want)
			}
		}
	}
}

func TestListOverTheWire(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, t.TempDir(), tr, false)
	for _, id := range []string{"Car-1", "car-2", "bus"} {
		if _, err := rpc.Call(deadline(t), tr, contract.UpdateUser, contract.UpdateUserRequest{UserID: id}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := rpc.Call(deadline(t), tr, contract.ListUsers, contract.ListRequest{Query: "CAR", Limit: 1})
	if err != nil || len(page.Users) != 1 || page.Users[0].ID != "Car-1" || page.Total != 2 || page.Next != "Car-1" {
		t.Errorf("found %+v, %v", page, err)
	}
	for _, body := range []string{`{"limit":1001}`, `{"limit":-1}`, `{"query":5}`, `{"order":"newest"}`, `{"query":"` + strings.Repeat("x", 257) + `"}`} {
		if _, err := raw(t, tr, contract.ListUsers.Name, body); rpc.CodeOf(err) != rpc.Invalid {
			t.Errorf("%.40s: %v, want a refusal", body, err)
		}
	}
}

// Users that an earlier release registered are found as well.
func TestSQLiteSearchOfOlderRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	first, err := fs.ReadFile(migrations(), "0001_users.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := database.Open(t.Context(), path, fstest.MapFS{"0001_users.sql": &fstest.MapFile{Data: first}}, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = old.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO users VALUES ('Car-1', 1, 1, 0, NULL, NULL, '[]', '{}')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), path, migrations(), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := newStore(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if got := listed(t, s, "CAR", 10); got != "Car-1" {
		t.Errorf("found %q", got)
	}
}

// BenchmarkList is a page of 100 with its total among 10,000 clients, in the store
// alone, and all of them in pages of 1,000 as the wire writes them.
func BenchmarkList(b *testing.B) {
	s := openStore(b)
	fillStore(b, s, 10_000)
	for name, q := range map[string]struct{ after, query string }{
		"first": {}, "middle": {after: "client-05000"}, "found": {query: "77"}, "none": {query: "nothing"}, "last found": {query: "client-09999"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.list(b.Context(), q.after, q.query, 100); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			n, after := 0, ""
			for more := true; more; more = after != "" {
				page, err := s.list(b.Context(), after, "", 1000)
				if err != nil {
					b.Fatal(err)
				}
				n, after = n+len(page.Users), page.Next
			}
			if n != 10_000 {
				b.Fatal(n)
			}
		}
	})
}

// BenchmarkListAllByRPC is what the task manager asks for to check criteria.
func BenchmarkListAllByRPC(b *testing.B) {
	folder := b.TempDir()
	db := openDatabase(b, filepath.Join(folder, "user-manager.db"))
	s, err := newStore(b.Context(), db)
	if err != nil {
		b.Fatal(err)
	}
	fillStore(b, s, 10_000)
	tr := brokertest.Connect(b, brokertest.Embedded(b))
	serve(b, folder, tr, false)
	for b.Loop() {
		for req := (contract.ListRequest{Limit: 1000}); ; {
			page, err := rpc.Call(context.Background(), tr, contract.ListUsers, req)
			if err != nil {
				b.Fatal(err)
			}
			if req.After = page.Next; page.Next == "" {
				break
			}
		}
	}
}

// fillStore registers clients that have what clients have.
func fillStore(b *testing.B, s *store, n int) {
	b.Helper()
	err := s.db.Update(b.Context(), func(tx *sql.Tx) error {
		for i := range n {
			id := fmt.Sprintf("client-%05d", i)
			_, err := tx.Stmt(s.upsert).Exec(id, time.Now().UnixMilli(), i, 0.5, 0.1, `["camera","ecu","lidar"]`,
				`{"gpu":true,"region":"north","memory_gb":16}`, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
