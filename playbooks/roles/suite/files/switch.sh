# Makes version $1 the current one, if the service runs (or waits for the station's state), and removes all others but
# the one before it. Says «changed» if it had to.
set -eu
unit=kominfo-ops.service
tries=30
while systemd-analyze --quiet condition --unit "$unit" >/dev/null 2>&1 && ! systemctl --quiet is-active "$unit"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { journalctl --no-pager -o cat -n 30 -u "$unit" _SYSTEMD_UNIT="$unit" | tail -n 1 >&2; exit 1; }
    sleep 1
done
cd /opt/kominfo-ops
before=$(readlink current || true)
[ "$before" != "$1" ] || exit 0
ln -sfn "$1" .current
mv -T .current current
for old in */ ; do
    case "$old" in "$1/" | "$before/" | current/) ;; *) rm -rf "$old" ;; esac
done
echo changed
