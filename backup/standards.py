"""What a drill is evidence for: which step proves which control. Texts in Indonesian and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AIM = (
    "Membuktikan bahwa layanan ini dapat dipulihkan utuh dari cadangan di DRC, dalam RTO dan RPO yang disepakati.",
    "Prove that this service can be restored whole from its backup at the DRC, within the agreed RTO and RPO.",
)
BACKUP, READINESS, REDUNDANCY, EXERCISE = (
    "ISO/IEC 27001:2022 A.8.13",
    "ISO/IEC 27001:2022 A.5.30",
    "ISO/IEC 27001:2022 A.8.14",
    "ISO 22301:2019 8.5",
)
SERVICE_AIM = (
    "Membuktikan bahwa layanan ini hidup kembali dari cadangannya dan menjawab, dalam RTO dan RPO yang disepakati.",
    "Prove that this service lives again from its backups at the DRC and answers, within the agreed RTO and RPO.",
)
STANDARDS = (
    (BACKUP, "Cadangan informasi / information backup", "restore tested, every item compared"),
    (READINESS, "Kesiapan TIK / ICT readiness", "RTO and RPO measured against the declared targets"),
    (EXERCISE, "Latihan dan pengujian / exercise programme", "aim and targets set before, carried out, reported here"),
    (REDUNDANCY, "Redundansi / redundancy", "restored from a second site on a second machine"),
)
PROVES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "ledger": (
        "cadangan terbaru yang diakui stasiun, bukan yang disodorkan repositori",
        "the newest backup that this station counted, not what the repository offers",
        (BACKUP,),
    ),
    "choose": (
        "snapshot itu ada; tidak ada snapshot atau kunci asing",
        "that snapshot is there; no foreign snapshot or key",
        (BACKUP,),
    ),
    "manifest": ("isi yang wajib kembali, bertanda tangan", "what must come back, signed", (BACKUP,)),
    "quarantine": (
        "berkas asing disisihkan; repositori tidak disentuh",
        "what is foreign is left out; the repository is not touched",
        (BACKUP,),
    ),
    "room": ("mesin uji, bukan produksi; ruang cukup", "a drill server, not production; enough room", (READINESS,)),
    "restore": (
        "data dibaca dari lokasi kedua pada mesin kedua",
        "data read from the second site on a second machine",
        (BACKUP, REDUNDANCY),
    ),
    "look": (
        "seluruh isi dibaca oleh pembaca kedua; basis data dinyalakan terisolasi",
        "all of it read by a second reader; a database started in isolation",
        (BACKUP, READINESS),
    ),
    "attack": (
        "data tidak disandikan penyerang sebelum dicadangkan",
        "no attacker encrypted the data before it was backed up",
        (BACKUP,),
    ),
    "compare": (
        "setiap butir sama; RTO dan RPO terhadap target",
        "every item equal; RTO and RPO against their targets",
        (BACKUP, READINESS, EXERCISE),
    ),
    "target": (
        "mesin siaga bukan produksi",
        "the standby is no production machine",
        (READINESS,),
    ),
    "provision": ("mesin siaga disiapkan dari kode", "the standby is built from code", (READINESS, REDUNDANCY)),
    "probe": (
        "layanan sungguh dinyalakan dari cadangan dan menjawab",
        "the real service was started from its backup and answers",
        (BACKUP, READINESS, EXERCISE),
    ),
    "start": ("layanan menyala di mesin siaga", "the service runs on the standby", (READINESS, REDUNDANCY)),
    "view": ("jawaban DNS sebelum dialihkan", "the name servers' answers before the switch", (EXERCISE,)),
    "switch": ("nama uji dialihkan ke mesin siaga", "the test view leads to the standby", (READINESS, EXERCISE)),
    "by name": (
        "layanan menjawab di bawah namanya sendiri dari mesin siaga",
        "the standby answers under the service's own name",
        (READINESS, REDUNDANCY, EXERCISE),
    ),
    "switch back": ("nama uji dikembalikan", "the test view leads back", (EXERCISE,)),
    "back": (
        "kembali seperti semula; DNS resmi tidak pernah berubah",
        "as before; official answers never changed",
        (EXERCISE,),
    ),
    "clean up": ("tidak ada data pribadi yang tertinggal", "no personal data stays behind", (EXERCISE,)),
}


def proves(step: str) -> dict[str, Any]:
    """What a step of this name is evidence for; empty for one that is none by itself."""
    found = PROVES.get(step.removesuffix(" again"))
    return {"id": found[0], "en": found[1], "controls": list(found[2])} if found else {}


def standards(one_machine: bool) -> Sequence[tuple[str, str, str]]:
    """Those that a proven drill speaks for: none of redundancy where all is one machine."""
    return [line for line in STANDARDS if not (one_machine and line[0] == REDUNDANCY)]
