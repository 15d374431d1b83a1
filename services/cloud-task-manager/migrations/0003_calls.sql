-- The calls that took effect, each in the transaction of its effect. seq grows.
CREATE TABLE calls (
	seq        INTEGER PRIMARY KEY,
	function   TEXT    NOT NULL,
	message_id TEXT    NOT NULL,
	reply      TEXT    NOT NULL,
	at_ms      INTEGER NOT NULL,
	UNIQUE (function, message_id)
) STRICT;

-- The starts that are under way: what is left here by a service that died is
-- settled by the execution's folder. function and message_id are '' for a call
-- without a name.
CREATE TABLE starts (
	execution_id TEXT    PRIMARY KEY,
	task_id      TEXT    NOT NULL,
	function     TEXT    NOT NULL,
	message_id   TEXT    NOT NULL,
	at_ms        INTEGER NOT NULL
) STRICT;
