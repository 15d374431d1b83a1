-- Clients, tasks and services of events, which bear their numbers. 0 is "".
CREATE TABLE names (
	id   INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
	name TEXT    NOT NULL UNIQUE
) STRICT;

-- Ids are blobs of 16 bytes when they are UUIDs, and text when they are not.
-- What an event does not have is NULL where an index should pass over it.
CREATE TABLE events (
	seq       INTEGER PRIMARY KEY,
	id        ANY     NOT NULL,
	time      REAL    NOT NULL, -- unix seconds
	received  INTEGER NOT NULL, -- unix milliseconds; grows with seq
	client    INTEGER NOT NULL,
	service   INTEGER NOT NULL,
	task      INTEGER,
	execution ANY,
	function  TEXT    NOT NULL,
	text      TEXT    NOT NULL,
	trace     ANY
) STRICT;

CREATE UNIQUE INDEX events_id        ON events (id);
CREATE INDEX        events_time      ON events (time);
CREATE INDEX        events_client    ON events (client, time);
CREATE INDEX        events_service   ON events (service, time);
CREATE INDEX        events_task      ON events (task, time)      WHERE task IS NOT NULL;
CREATE INDEX        events_execution ON events (execution, time) WHERE execution IS NOT NULL;

-- How many events each minute and each hour had. The counts of a cell are the
-- sum of its parts: writers append parts, and merge them when they are many.
CREATE TABLE density (
	part   INTEGER PRIMARY KEY,
	width  INTEGER NOT NULL, -- seconds
	cell   INTEGER NOT NULL, -- where it begins, unix seconds
	counts BLOB    NOT NULL
) STRICT;

CREATE INDEX density_cell ON density (width, cell);

-- What one side of one execution reports, and when it last did.
CREATE TABLE series (
	id        INTEGER PRIMARY KEY,
	task      TEXT    NOT NULL,
	side      TEXT    NOT NULL,
	client    TEXT    NOT NULL,
	execution TEXT    NOT NULL,
	last      REAL    NOT NULL,
	UNIQUE (task, side, client, execution)
) STRICT;

CREATE INDEX series_execution ON series (execution);

CREATE TABLE rounds (
	seq      INTEGER PRIMARY KEY,
	id       ANY     NOT NULL UNIQUE,
	series   INTEGER NOT NULL,
	time     REAL    NOT NULL,
	received INTEGER NOT NULL,
	round    TEXT    NOT NULL,
	acc      TEXT    NOT NULL,
	loss     TEXT    NOT NULL,
	trace    ANY
) STRICT;

CREATE INDEX rounds_series ON rounds (series, time);

CREATE TABLE executions (
	id       TEXT    PRIMARY KEY,
	seq      INTEGER NOT NULL UNIQUE,
	record   ANY     NOT NULL, -- the id of the record that it is from
	time     REAL    NOT NULL, -- of that record, and not later than its arrival
	received INTEGER NOT NULL,
	task     TEXT    NOT NULL,
	client   TEXT    NOT NULL,
	side     TEXT    NOT NULL,
	state    TEXT    NOT NULL,
	started  REAL    NOT NULL, -- the order of lists: what was told, or the time when that is nonsense
	ended    REAL    NOT NULL,
	trace    ANY,
	run      TEXT    NOT NULL, -- JSON, without last_lines
	lines    TEXT    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX executions_started ON executions (started, id);
CREATE INDEX executions_task    ON executions (task, started, id);
CREATE INDEX executions_client  ON executions (client, started, id);
CREATE INDEX executions_state   ON executions (state, started, id);
CREATE INDEX executions_over    ON executions (received) WHERE state <> 'running';
CREATE INDEX executions_failed  ON executions (ended) WHERE state = 'failed';

CREATE TABLE states (
	client   TEXT    PRIMARY KEY,
	seq      INTEGER NOT NULL UNIQUE,
	record   ANY     NOT NULL,
	time     REAL    NOT NULL,
	received INTEGER NOT NULL,
	trace    ANY,
	state    TEXT    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
	client TEXT PRIMARY KEY,
	at     REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE commands (
	seq     INTEGER PRIMARY KEY,
	id      TEXT    NOT NULL UNIQUE,
	client  TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	task    TEXT    NOT NULL,
	state   TEXT    NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
	error   TEXT    NOT NULL,
	created REAL    NOT NULL,
	ended   REAL    NOT NULL -- 0 while it is pending
) STRICT;

CREATE INDEX commands_pending ON commands (client, seq) WHERE state = 'pending';
CREATE INDEX commands_created ON commands (created);

CREATE TABLE answers (
	seq         INTEGER PRIMARY KEY,
	key         TEXT    NOT NULL UNIQUE,
	at          REAL    NOT NULL,
	size        INTEGER NOT NULL,
	fingerprint TEXT    NOT NULL,
	status      INTEGER NOT NULL,
	header      TEXT    NOT NULL, -- JSON
	body        BLOB    NOT NULL
) STRICT;

CREATE INDEX answers_at   ON answers (at);
CREATE INDEX answers_size ON answers (seq, size);

-- Single numbers: how many events and rounds there are, and the greatest seq that was removed.
CREATE TABLE figures (
	name  TEXT    PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO figures VALUES ('events', 0), ('rounds', 0), ('pruned', 0);
