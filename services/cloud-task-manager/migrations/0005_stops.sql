-- The stops that are under way, each written before its process is told: a service
-- that dies meanwhile leaves its reason and its call to the next one.
CREATE TABLE stops (
	execution_id TEXT    PRIMARY KEY,
	reason       TEXT    NOT NULL,
	detail       TEXT    NOT NULL,
	function     TEXT    NOT NULL,
	message_id   TEXT    NOT NULL,
	at_ms        INTEGER NOT NULL
) STRICT;
