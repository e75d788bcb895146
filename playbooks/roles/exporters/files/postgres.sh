# The exporter's login in PostgreSQL: it may read what the server tells of itself, and no table.
set -eu
cd /
sql() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d postgres "$@"; }
[ "$(sql -c "SELECT pg_has_role('prometheus', 'pg_monitor', 'member') FROM pg_roles WHERE rolname = 'prometheus'")" = t ] && exit 0
[ "$1" = look ] || sql <<'SQL'
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prometheus') THEN CREATE ROLE prometheus LOGIN; END IF; END $$;
GRANT pg_monitor TO prometheus;
SQL
echo changed
