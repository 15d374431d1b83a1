CREATE TABLE operators (
	name         TEXT    COLLATE "C" PRIMARY KEY,
	role         TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	-- argon2id of the password, and how it was made
	salt         BYTEA   NOT NULL,
	hash         BYTEA   NOT NULL,
	memory_kib   INTEGER NOT NULL CHECK (memory_kib BETWEEN 8 AND 1048576),
	passes       INTEGER NOT NULL CHECK (passes BETWEEN 1 AND 100),
	threads      INTEGER NOT NULL CHECK (threads BETWEEN 1 AND 16),
	created_ms   BIGINT  NOT NULL,
	signed_in_ms BIGINT  NOT NULL DEFAULT 0
);

-- Every hash below is the SHA-256 of a token, its prefix included.
CREATE TABLE sessions (
	hash       BYTEA   PRIMARY KEY,
	operator   TEXT    COLLATE "C" NOT NULL REFERENCES operators ON DELETE CASCADE,
	created_ms BIGINT  NOT NULL,
	used_ms    BIGINT  NOT NULL,
	ends_ms    BIGINT  NOT NULL
);
CREATE INDEX sessions_operator ON sessions (operator, created_ms);

CREATE TABLE tokens (
	id         TEXT    COLLATE "C" PRIMARY KEY,
	hash       BYTEA   NOT NULL UNIQUE,
	operator   TEXT    COLLATE "C" NOT NULL REFERENCES operators ON DELETE CASCADE,
	label      TEXT    NOT NULL,
	created_ms BIGINT  NOT NULL,
	ends_ms    BIGINT  NOT NULL
);
CREATE INDEX tokens_operator ON tokens (operator, id);

-- What is spent is deleted.
CREATE TABLE enrolments (
	hash       BYTEA   PRIMARY KEY,
	client     TEXT    NOT NULL, -- '': any that has no credential
	made_by    TEXT    NOT NULL,
	ends_ms    BIGINT  NOT NULL
);
CREATE INDEX enrolments_client ON enrolments (client);

CREATE TABLE credentials (
	client     TEXT    PRIMARY KEY,
	hash       BYTEA   NOT NULL UNIQUE,
	made_by    TEXT    NOT NULL, -- of its enrolment
	created_ms BIGINT  NOT NULL
);

-- The number changes whenever somebody may do less than before, so that what was
-- remembered of them is looked up anew.
CREATE TABLE revision (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	number BIGINT  NOT NULL
);
INSERT INTO revision VALUES (1, 1);
CREATE FUNCTION somebody_may_less() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN UPDATE revision SET number = number + 1; RETURN NULL; END';
CREATE TRIGGER role_changed AFTER UPDATE OF role ON operators FOR EACH ROW EXECUTE FUNCTION somebody_may_less();
CREATE TRIGGER session_ended AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION somebody_may_less();
CREATE TRIGGER token_revoked AFTER DELETE ON tokens FOR EACH ROW EXECUTE FUNCTION somebody_may_less();
CREATE TRIGGER credential_revoked AFTER DELETE ON credentials FOR EACH ROW EXECUTE FUNCTION somebody_may_less();
CREATE TRIGGER credential_changed AFTER UPDATE OF hash ON credentials FOR EACH ROW EXECUTE FUNCTION somebody_may_less();
