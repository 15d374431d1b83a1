CREATE TABLE tasks (
	seq                INTEGER PRIMARY KEY, -- the order of creation
	id                 TEXT    NOT NULL UNIQUE,
	created_ms         INTEGER NOT NULL,
	modified_ms        INTEGER NOT NULL,
	host               TEXT    NOT NULL,
	port               INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
	username           TEXT    NOT NULL,
	password           TEXT    NOT NULL,
	files_paths        TEXT    NOT NULL CHECK (json_valid(files_paths)),
	tags               TEXT    NOT NULL CHECK (json_valid(tags)),
	selection_criteria TEXT    NOT NULL,
	server_arguments   TEXT    NOT NULL,
	client_arguments   TEXT,
	state              TEXT    NOT NULL CHECK (state IN ('new', 'running', 'finished', 'failed', 'stopped')),
	reason             TEXT    NOT NULL, -- why, in one word; '' while there is nothing to tell
	detail             TEXT    NOT NULL, -- and in words
	round              TEXT    NOT NULL,
	acc                TEXT    NOT NULL,
	execution_id       TEXT    NOT NULL, -- of the last execution; '' before the first
	pid                INTEGER NOT NULL,
	exit_code          INTEGER,
	exit_signal        INTEGER,
	started_ms         INTEGER,
	ended_ms           INTEGER
) STRICT;

CREATE INDEX tasks_running ON tasks (seq) WHERE state = 'running';
