#!/bin/sh
# Puts the inventory of /root/kominfo-ops-$1.tar in the place of region $2's, all of it at once. The service may read it.
set -eu
umask 027
cd /srv/kominfo-ops
place=inventories/$2
archive=/root/kominfo-ops-$1.tar
rm -rf new
mkdir new
tar -x -f "$archive" -C new --no-same-owner
chgrp -R kominfo-ops new
if [ -e "$place" ]; then
    mv -T --exchange new "$place" 2>/dev/null || { mv -T "$place" old && mv -T new "$place"; }
    rm -rf new old
else
    mv -T new "$place"
fi
echo "$1" >"$2.name"
rm -f "$archive"
