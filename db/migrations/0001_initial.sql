-- Each file here takes the schema from the version before it to its own number. A file that was
-- released is never changed.

CREATE TABLE policies (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	digest TEXT NOT NULL, -- of the profile read for Docker's default capabilities
	profile TEXT NOT NULL, -- as it was given; read again for each container
	added INTEGER NOT NULL -- microseconds since 1970, as all times here
) STRICT;

CREATE TABLE images (
	pattern TEXT PRIMARY KEY, -- a reference, or a glob
	policy INTEGER NOT NULL REFERENCES policies ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX images_policy ON images (policy);

CREATE TABLE builds (
	key TEXT PRIMARY KEY, -- of the cache: all that decides the bytes
	digest TEXT NOT NULL,
	kernel TEXT NOT NULL,
	outcome TEXT NOT NULL CHECK (outcome IN ('building', 'ok', 'failed')),
	output TEXT, -- of the compiler, of a failure
	started INTEGER NOT NULL,
	duration_ms INTEGER NOT NULL DEFAULT 0,
	size INTEGER NOT NULL DEFAULT 0,
	content TEXT, -- SHA-256 of the module: what is loaded has it, or is not loaded
	last_use INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
	id INTEGER PRIMARY KEY,
	boot TEXT NOT NULL, -- numbers of instances start anew with each boot
	instance INTEGER NOT NULL,
	container TEXT NOT NULL,
	image TEXT,
	policy TEXT,
	digest TEXT NOT NULL,
	bound INTEGER NOT NULL,
	ended INTEGER
) STRICT;

CREATE UNIQUE INDEX instances_alive ON instances (boot, instance) WHERE ended IS NULL;
