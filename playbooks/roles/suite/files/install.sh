#!/bin/sh
# Makes version $1 of the suite out of /root/kominfo-ops-$1.tar, with an environment of its own and without any network.
# `.ready` is written last: whatever is there without it is made anew.
set -eu
umask 022
folder=/opt/kominfo-ops/$1
archive=/root/kominfo-ops-$1.tar
rm -rf "$folder"
mkdir -p "$folder"
tar -x -f "$archive" -C "$folder" --no-same-owner
cd "$folder"
python3 -m venv --without-pip venv
pip() { # Debian's, from its wheel: the environment itself needs none
    PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl) venv/bin/python -m pip --quiet --disable-pip-version-check "$@"
}
pip install --no-index --find-links wheels --require-hashes --only-binary :all: --no-cache-dir --no-compile \
    --requirement wheels/requirements.txt
for packages in venv/lib/python3*/site-packages; do echo "$folder" >"$packages/kominfo_ops.pth"; done
printf '#!%s/venv/bin/python\nimport sys\nfrom ops.cli.main import main\nsys.exit(main())\n' "$folder" >venv/bin/ops
chmod 0755 venv/bin/ops
# nobody can write here later; Ansible sends its modules as text
venv/bin/python -m compileall -q -j 2 -x '/ansible/modules/|/tests?/' ops exporters backup venv/lib
venv/bin/ops --help >/dev/null
touch .ready
rm -f "$archive"
