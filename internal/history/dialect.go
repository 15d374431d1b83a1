package history

import "github.com/agata-fl/agata/internal/database"

// What PostgreSQL is told in other words than SQLite.

// indexed has SQLite use an index. PostgreSQL finds one by itself.
func (s *Store) indexed(index string) string {
	if s.db.Engine() == database.PostgreSQL {
		return ""
	}
	return " INDEXED BY " + index
}

// contains is the condition that an event's text contains a pattern, whatever the
// case of its Latin letters.
func (s *Store) contains() string {
	if s.db.Engine() == database.PostgreSQL {
		return `text ILIKE ? ESCAPE '\'`
	}
	return `text LIKE ? ESCAPE '\'`
}

// id is how an id is stored: packed in a file, as it is in PostgreSQL, whose
// columns have one type.
func (s *Store) id(id string) any {
	if s.db.Engine() == database.PostgreSQL {
		return orNull(id)
	}
	return packID(id)
}

// trace is how the id of a trace is stored.
func (s *Store) trace(trace string) any {
	if s.db.Engine() == database.PostgreSQL {
		return orNull(trace)
	}
	return packTrace(trace)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
