-- Modules that another host made: nothing here could make them anew.

-- Who signed it, or nothing if root took it from nobody; NULL for what was made here.
ALTER TABLE builds ADD COLUMN imported TEXT;
