-- The calls that took effect, each in the transaction of its effect. seq grows.
CREATE TABLE calls (
	seq        INTEGER PRIMARY KEY,
	function   TEXT    NOT NULL,
	message_id TEXT    NOT NULL,
	reply      TEXT    NOT NULL,
	at_ms      INTEGER NOT NULL,
	UNIQUE (function, message_id)
) STRICT;
