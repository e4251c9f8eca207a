-- What a container brought along when it was bound, for another policy to be combined with.

-- A JSON array of its bounding set, for which profiles are read; NULL where nobody knows.
ALTER TABLE instances ADD COLUMN capabilities TEXT;

-- The canonical policy of its own configuration; NULL without one, and once it has ended.
ALTER TABLE instances ADD COLUMN own BLOB;
