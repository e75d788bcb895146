# Makes version $1 the current one and removes all others but the one before it. Says «changed» if it had to.
set -eu
cd /opt/kominfo-ops
before=$(readlink current || true)
[ "$before" != "$1" ] || exit 0
ln -sfn "$1" .current
mv -T .current current
for old in */ ; do
    case "$old" in "$1/" | "$before/" | current/) ;; *) rm -rf "$old" ;; esac
done
echo changed
