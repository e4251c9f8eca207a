-- A policy may have a part in AppArmor's language, and then needs none on system calls: its profile
-- is empty. What both parts are made of is kept; what the one became is, too, as it takes a parser
-- that a container's start should not wait for.

ALTER TABLE policies ADD COLUMN apparmor TEXT; -- as it was given, or NULL
ALTER TABLE policies ADD COLUMN apparmor_profile TEXT; -- which of that text's; NULL: the only one
ALTER TABLE policies ADD COLUMN allow_unmediated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policies ADD COLUMN exec_inherit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policies ADD COLUMN confinement BLOB; -- NULL: the profile does not confine
ALTER TABLE policies ADD COLUMN compiled TEXT; -- VERSION:DIGEST of what made the confinement
