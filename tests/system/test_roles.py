"""What roles promise beyond files that are there: on the twin of the regency."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

pytestmark = pytest.mark.system
CA = "/etc/kominfo/tls/root.pem"


def said(regency: Any, server: str, script: str) -> str:
    """What a shell script on a server wrote; fails unless it succeeds."""
    return str(regency.ops("twin", "ssh", "--name", regency.name, server, "--", "sudo", "sh", "-ec", f"'{script}'"))


def fetched(regency: Any, name: str, root: str) -> str:
    """`<status> <the office that answered>` of https://<name>/, the certificate checked for that name."""
    wanted = ("--cacert", root, "--resolve", f"{name}:443:10.40.0.12", "-sS", "-o", "/dev/null")
    done = regency.run("curl", *wanted, "-w", "%{http_code} %header{x-kominfo-opd}", f"https://{name}/")
    return str(done.stdout if done.returncode == 0 else done.stderr)


@pytest.fixture(scope="module")
def root(applied: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate of the region's own authority."""
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_text(said(applied, "dc-web", f"cat {CA}"))
    return str(path)


def test_every_office_answers_by_https_with_a_certificate_of_its_own(applied: Any, root: str) -> None:
    for name in ("dinkes.batubarakab.example", "www.dinkes.batubarakab.example"):
        assert fetched(applied, name, root) == "200 dinkes"
    assert "dinkes" in shown(applied, "dinkes.batubarakab.example")
    assert "certificate" in fetched(applied, "dinkes.batubarakab.example", "/etc/ssl/certs/ca-certificates.crt")
    assert fetched(applied, "nobody.batubarakab.example", root).startswith("404")


def shown(regency: Any, name: str) -> str:
    """Subject and serial of the certificate that is shown for a name."""
    script = (
        f"openssl s_client -connect 10.40.0.12:443 -servername {name} </dev/null | openssl x509 -noout -subject -serial"
    )
    return str(regency.run("sh", "-c", script).stdout)


def test_keys_never_left_their_hosts_and_every_certificate_is_noted(provisioned: Any) -> None:
    private = said(
        provisioned, "dc-web", "stat -c %a:%U /etc/kominfo/tls/*.key | sort -u; ls /etc/kominfo/tls | grep -c key"
    )
    mode, count = private.split()
    assert mode == "600:root"
    authority = said(
        provisioned, "dc-ops", "stat -c %a /etc/kominfo/ca /etc/kominfo/ca/ca.key; wc -l </etc/kominfo/ca/issued.jsonl"
    )
    assert authority.split() == ["700", "600", count]
    assert "PRIVATE" not in said(provisioned, "dc-web", "cat /etc/kominfo/tls/*.pem")


def test_what_ends_soon_is_renewed_and_what_nobody_wants_is_removed_and_the_rest_stays(applied: Any) -> None:
    key, gone = "/etc/kominfo/tls/dinkes", "/etc/kominfo/tls/zz-gone"
    said(applied, "dc-web", f"openssl req -x509 -key {key}.key -days 30 -subj /CN=old -out {key}.pem")
    said(applied, "dc-web", f"for end in key pem; do cp /etc/kominfo/tls/dinsos.$end {gone}.$end; done")
    snippet = "/etc/nginx/kominfo-tls/zz-gone.conf"
    said(applied, "dc-web", f'echo "ssl_certificate {gone}.pem; ssl_certificate_key {gone}.key;" >{snippet}')
    before = said(applied, "dc-web", "sha256sum /etc/kominfo/tls/dinsos.pem")
    ran = applied.json("provision", "--limit", "dc-web", "--tags", "web")
    assert not ran["hosts"]["dc-web"]["error"]
    said(applied, "dc-web", f"openssl verify -CAfile {CA} {key}.pem; openssl x509 -in {key}.pem -checkend 31536000")
    assert said(applied, "dc-web", "sha256sum /etc/kominfo/tls/dinsos.pem") == before
    serial = said(applied, "dc-web", f"openssl x509 -in {key}.pem -noout -serial").strip()
    assert serial in shown(applied, "dinkes.batubarakab.example"), "nginx was not told"
    assert said(applied, "dc-web", f"ls {gone}.* {snippet} 2>/dev/null || true") == ""


def test_ssh_is_hardened_and_nobody_is_a_gateway_by_accident(provisioned: Any) -> None:
    settings = dict(line.partition(" ")[::2] for line in said(provisioned, "dc-app", "sshd -T").splitlines())
    wanted = {"passwordauthentication": "no", "permitrootlogin": "without-password", "x11forwarding": "no"}
    assert wanted.items() <= settings.items()
    assert not [mac for mac in settings["macs"].split(",") if "sha1" in mac or "umac-64@" in mac]
    kernel = said(
        provisioned,
        "dc-app",
        "sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.rp_filter net.ipv4.conf.all.accept_redirects",
    )
    assert kernel.split() == ["0", "2", "0"]


def test_a_firewall_on_trial_is_never_what_a_restart_brings(provisioned: Any) -> None:
    """From `try` to `keep` the file that nftables.service loads is the old one; and `keep` after the end is refused."""
    script = textwrap.dedent(
        """
        cd /run; cp /etc/nftables.conf good; trap "cp good /etc/nftables.conf; nft -f good" EXIT
        sed "s/--on-active=[0-9]*/--on-active=600/" /usr/local/sbin/kominfo-firewall >trial.sh
        echo "table inet kominfo { chain odd { }; }" | cat good - >/etc/nftables.conf
        sh trial.sh try
        nft list table inet kominfo | grep -c odd
        grep -c odd /etc/nftables.conf || true
        nft -c -f /etc/nftables.conf; grep -c "tcp dport 22" /etc/nftables.conf
        /usr/local/sbin/kominfo-firewall back
        nft list table inet kominfo | grep -c odd || true
        /usr/local/sbin/kominfo-firewall keep && echo kept || echo refused
        cp good /etc/nftables.conf; sh trial.sh try; /usr/local/sbin/kominfo-firewall keep; cmp good /etc/nftables.conf
        ls /run/kominfo-firewall.* ; systemctl is-active kominfo-firewall-revert.timer || true
        """
    ).replace("'", '"')
    loaded, *rest = said(provisioned, "dc-app", script).split()
    assert loaded == "1", "the trial was not loaded"
    assert rest[:4] == ["0", "1", "0", "refused"]
    assert rest[4:] == ["/run/kominfo-firewall.lock", "inactive"]
