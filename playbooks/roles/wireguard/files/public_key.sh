# The host's public key; `make` makes the private one first where there is none. Two of us at once make one key.
set -eu
key=/etc/wireguard/kominfo.key
if [ "$1" = make ] && [ ! -s "$key" ]; then
    umask 077
    exec 9>/etc/wireguard/.kominfo.lock
    flock 9
    [ -s "$key" ] || { wg genkey >"$key.new" && mv "$key.new" "$key"; }
fi
[ ! -s "$key" ] || wg pubkey <"$key"
