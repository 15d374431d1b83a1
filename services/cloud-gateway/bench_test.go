package cloudgateway

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// keeper serves get_user_info from a table, as the user manager does.
func keeper(b *testing.B, tr *amqpx.Transport) {
	b.Helper()
	schema := fstest.MapFS{"0001_users.sql": {Data: []byte(`CREATE TABLE users (id TEXT PRIMARY KEY, data_qnt INTEGER NOT NULL) STRICT`)}}
	db, err := database.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"), schema, database.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	err = db.Update(b.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO users VALUES ('u', 50)`)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	read, err := db.PrepareRead(b.Context(), `SELECT data_qnt FROM users WHERE id = ?`)
	if err != nil {
		b.Fatal(err)
	}
	peer(b, tr, "user-manager", func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetUser, func(ctx context.Context, req contract.UserIDRequest) (contract.User, error) {
			u := contract.User{ID: req.UserID, Sensors: []string{"camera", "ecu"}}
			return u, read.QueryRowContext(ctx, req.UserID).Scan(&u.DataQnt)
		}, baseservice.Concurrency(16))
	})
}

func oneCall(client *http.Client, url string) (string, error) {
	resp, err := client.Post(url, "application/json", strings.NewReader(`{"user_id":"u"}`))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// BenchmarkCall is HTTP -> gateway -> broker -> service -> SQLite, and back.
func BenchmarkCall(b *testing.B) {
	o := brokertest.Embedded(b)
	keeper(b, brokertest.Connect(b, o)) // a connection of its own, as in another process
	url, _ := serve(b, brokertest.Connect(b, o), Options{})
	url += "/" + contract.GetUser.Name
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	if body, err := oneCall(client, url); err != nil || !strings.Contains(body, `"data_qnt":50`) {
		b.Fatalf("%s, %v", body, err)
	}
	b.Run("one at a time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := oneCall(client, url); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("32 at once", func(b *testing.B) {
		b.SetParallelism(16) // times the processors
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := oneCall(client, url); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	})
}
