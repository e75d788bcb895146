#!/bin/sh
# Reads lines «door user password» and makes /etc/kominfo/vault/<door>.htpasswd (bcrypt) hold exactly these users.
# Says «changed» when it had to. Passwords come on standard input and go on by it: none is ever an argument.
set -eu
umask 027
folder=/etc/kominfo/vault
wanted=" "
while read -r door user password; do
    [ -n "$door" ] || continue
    file=$folder/$door.htpasswd
    touch "$file"
    wanted="$wanted$door:$user "
    if ! printf %s "$password" | htpasswd -iv "$file" "$user" >/dev/null 2>&1; then
        printf %s "$password" | htpasswd -iB "$file" "$user" 2>/dev/null
        echo changed
    fi
done
for file in "$folder"/*.htpasswd; do
    door=$(basename "$file" .htpasswd)
    for user in $(cut -d: -f1 "$file"); do
        case "$wanted" in
            *" $door:$user "*) ;;
            *) htpasswd -D "$file" "$user" 2>/dev/null; echo changed ;;
        esac
    done
    chown root:restic-rest-server "$file"
    chmod 0640 "$file"
done
