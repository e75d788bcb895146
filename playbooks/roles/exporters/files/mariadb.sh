# The exporter's login in MariaDB: it may read what the server tells of itself, and no table.
set -eu
sql() { mariadb --batch --skip-column-names --protocol=socket --user=root -e "$1"; }
[ "$(sql "SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'prometheus' AND Host = 'localhost'")" = 1 ] && exit 0
[ "$1" = look ] || sql "CREATE USER prometheus@localhost IDENTIFIED VIA unix_socket;
    GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO prometheus@localhost"
echo changed
