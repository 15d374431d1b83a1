-- Times are unix milliseconds. sensors is a JSON array of texts, attributes a
-- JSON object: both are read and written whole, with their user.
CREATE TABLE users (
	id                          TEXT    PRIMARY KEY,
	creation_date               INTEGER NOT NULL,
	last_mod_date               INTEGER NOT NULL,
	data_qnt                    INTEGER NOT NULL,
	avg_acc_contrib             REAL,
	avg_disconnection_per_round REAL,
	sensors                     TEXT    NOT NULL CHECK (json_type(sensors) = 'array'),
	attributes                  TEXT    NOT NULL CHECK (json_type(attributes) = 'object')
) STRICT;
