"""A real nginx tells which telephone's file was fetched, and never the address with its token."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from throwaway_asterisk import ROLE

from ops.system.process import kill_group, run

pytestmark = pytest.mark.system
TEMPLATE = ROLE.parent / "web/templates/kominfo.conf.j2"
IMAGES = Path("/var/cache/kominfo-ops/images")
TOKEN, MAC = "t0ken" * 6, "001565000100"
MAIN = """\
user root; pid /t/nginx.pid; error_log /t/error.log; daemon off;
events {{}}
http {{
{log}
server {{
listen 127.0.0.1:8080; root /srv/provision;
{access}
location = /{token}/{mac}.cfg {{ alias /srv/provision/kominfo/dinkes.{mac}.cfg; }}
}}
}}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Below a namespace's root: an image, and over it what the test writes."""
    images = sorted(path for path in IMAGES.glob("trixie-*") if (path / "usr/sbin/nginx").is_file())
    if not images:
        pytest.skip(f"no image with nginx in {IMAGES}: `ops twin up` builds it")
    made = Path(tempfile.mkdtemp(prefix="ops-nginx-", dir="/var/tmp"))
    for name in ("upper/t", "upper/srv/provision/kominfo", "work", "root"):
        (made / name).mkdir(parents=True)
    (made / "lower").symlink_to(images[-1])
    yield made
    shutil.rmtree(made)


def test_a_fetched_file_is_named_and_no_token_is_written(folder: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    log = re.search(r"^log_format kominfo_fetched.*?^}\n", text, re.MULTILINE | re.DOTALL)
    access = re.search(r"^ *access_log .*kominfo-fetched.*$", text, re.MULTILINE)
    assert log
    assert access
    config = MAIN.format(log=log[0], access=access[0], token=TOKEN, mac=MAC)
    (folder / "upper/t/nginx.conf").write_text(config, encoding="utf-8")
    (folder / f"upper/srv/provision/kominfo/dinkes.{MAC}.cfg").write_text("secret\n", encoding="utf-8")
    start = 'mount -t overlay o -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"; ip link set lo up; '
    start += 'mount -t tmpfs t "$2/root/var/log"; mkdir "$2/root/var/log/nginx"; '
    start += 'exec chroot "$2/root" nginx -c /t/nginx.conf'
    lower = str((folder / "lower").resolve())
    child = subprocess.Popen(
        ["unshare", "-n", "-m", "sh", "-ec", start, "sh", lower, str(folder)], start_new_session=True
    )
    try:
        inside = ["nsenter", "-t", str(child.pid), "-n", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"]
        path = f"http://127.0.0.1:8080/{TOKEN}"
        end = time.monotonic() + 30
        while run([*inside, f"{path}/{MAC}.cfg"]).out != "200":
            assert time.monotonic() < end
            time.sleep(0.1)
        assert run([*inside, f"{path}x/{MAC}.cfg"]).out == "404"
        kept = Path(f"/proc/{child.pid}/root/var/log/nginx/kominfo-fetched.log")
        lines = kept.read_text(encoding="utf-8").splitlines()
    finally:
        kill_group(child)
    assert [line.split(" ", 1)[1] for line in lines] == [f"200 /srv/provision/kominfo/dinkes.{MAC}.cfg"] * len(lines)
    assert lines
