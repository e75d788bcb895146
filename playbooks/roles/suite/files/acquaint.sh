# Lets the suite log in as user $1, from address $2 only, with its public key (standard input). Says «changed» if it had
# to. Keys of others stay; an older one of the suite, known by its comment, goes.
set -eu
umask 077
read -r type key comment
account=$(getent passwd "$1")
home=$(echo "$account" | cut -d: -f6)
file=$home/.ssh/authorized_keys
mkdir -p "$home/.ssh"
touch "$file"
{ grep -v " $comment\$" "$file" || true; echo "from=\"$2\",restrict $type $key $comment"; } >"$file.new"
if cmp -s "$file" "$file.new"; then
    rm -f "$file.new"
else
    chown "$(echo "$account" | cut -d: -f3,4)" "$home/.ssh" "$file.new"
    mv "$file.new" "$file"
    echo changed
fi
