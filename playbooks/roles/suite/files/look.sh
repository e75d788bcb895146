# What of version $1 and of the inventory of region $2 is there: «code», «inventory <name>», «key <public key>».
[ ! -e "/opt/kominfo-ops/$1/.ready" ] || echo code
[ ! -e "/srv/kominfo-ops/$2.name" ] || echo "inventory $(cat "/srv/kominfo-ops/$2.name")"
[ ! -e /var/lib/kominfo-ops/.ssh/id_ed25519.pub ] || echo "key $(cat /var/lib/kominfo-ops/.ssh/id_ed25519.pub)"
