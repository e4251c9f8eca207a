-- The AppArmor profile that the container's configuration named and its instance enforces, or NULL.
ALTER TABLE instances ADD COLUMN apparmor TEXT;
