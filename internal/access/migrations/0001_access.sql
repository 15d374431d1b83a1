CREATE TABLE operators (
	name         TEXT    PRIMARY KEY,
	role         TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	-- argon2id of the password, and how it was made
	salt         BLOB    NOT NULL,
	hash         BLOB    NOT NULL,
	memory_kib   INTEGER NOT NULL CHECK (memory_kib BETWEEN 8 AND 1048576),
	passes       INTEGER NOT NULL CHECK (passes BETWEEN 1 AND 100),
	threads      INTEGER NOT NULL CHECK (threads BETWEEN 1 AND 16),
	created_ms   INTEGER NOT NULL,
	signed_in_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Every hash below is the SHA-256 of a token, its prefix included.
CREATE TABLE sessions (
	hash       BLOB    PRIMARY KEY,
	operator   TEXT    NOT NULL REFERENCES operators ON DELETE CASCADE,
	created_ms INTEGER NOT NULL,
	used_ms    INTEGER NOT NULL,
	ends_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_operator ON sessions (operator, created_ms);

CREATE TABLE tokens (
	id         TEXT    PRIMARY KEY,
	hash       BLOB    NOT NULL UNIQUE,
	operator   TEXT    NOT NULL REFERENCES operators ON DELETE CASCADE,
	label      TEXT    NOT NULL,
	created_ms INTEGER NOT NULL,
	ends_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_operator ON tokens (operator, id);

-- What is spent is deleted.
CREATE TABLE enrolments (
	hash       BLOB    PRIMARY KEY,
	client     TEXT    NOT NULL, -- '': any that has no credential
	made_by    TEXT    NOT NULL,
	ends_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX enrolments_client ON enrolments (client);

CREATE TABLE credentials (
	client     TEXT    PRIMARY KEY,
	hash       BLOB    NOT NULL UNIQUE,
	made_by    TEXT    NOT NULL, -- of its enrolment
	created_ms INTEGER NOT NULL
) STRICT;

-- The number changes whenever somebody may do less than before, so that what was
-- remembered of them is looked up anew.
CREATE TABLE revision (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	number INTEGER NOT NULL
) STRICT;
INSERT INTO revision VALUES (1, 1);
CREATE TRIGGER role_changed AFTER UPDATE OF role ON operators BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER session_ended AFTER DELETE ON sessions BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER token_revoked AFTER DELETE ON tokens BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER credential_revoked AFTER DELETE ON credentials BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER credential_changed AFTER UPDATE OF hash ON credentials BEGIN UPDATE revision SET number = number + 1; END;
