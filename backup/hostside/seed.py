"""Invented data for a twin's source hosts: a small service database and a folder of documents. Made once, topped up."""

# ruff: noqa: PTH101, PTH103, PTH110, PTH118, PTH120, PTH123, PTH211, S608 # names on hosts need not be text; the SQL is our own
from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from typing import Any

from backup.hostside import pg

PEOPLE, REQUESTS, NOTES = 3000, 9000, 1000
FRESH = "1 hour"  # data younger than this needs no topping up
TABLES = """
CREATE TABLE IF NOT EXISTS public.unit (id int PRIMARY KEY, nama text NOT NULL UNIQUE, kecamatan text NOT NULL);
CREATE TABLE IF NOT EXISTS public.warga (id serial PRIMARY KEY, nomor text NOT NULL UNIQUE, nama text NOT NULL,
  lahir date NOT NULL, alamat text NOT NULL, catatan jsonb NOT NULL DEFAULT '{}', diperbarui timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS public.layanan (id bigserial PRIMARY KEY, warga int NOT NULL REFERENCES public.warga,
  unit int NOT NULL REFERENCES public.unit, jenis text NOT NULL CHECK (jenis <> ''), biaya numeric(12,2) NOT NULL,
  lampiran bytea, waktu timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS layanan_waktu ON public.layanan (waktu);
CREATE INDEX IF NOT EXISTS warga_nama ON public.warga (lower(nama));
CREATE OR REPLACE VIEW public.layanan_per_unit AS
  SELECT u.nama, count(*) AS jumlah, sum(l.biaya) AS biaya FROM public.layanan l
  JOIN public.unit u ON u.id = l.unit GROUP BY u.nama;
CREATE OR REPLACE FUNCTION public.layanan_sejak(sejak timestamptz) RETURNS bigint LANGUAGE sql STABLE
  AS 'SELECT count(*) FROM public.layanan WHERE waktu >= sejak';
"""
_GIVEN = "ARRAY['Ahmad','Siti','Budi','Dewi','Rahmat','Nur','Putri','Joko','Rina','Hasan','Maria','Togar']"
_FAMILY = "ARRAY['Siregar','Nasution','Lubis','Harahap','Wijaya','Sitorus','Hutabarat','Saragih','Ginting','Batubara']"
PEOPLE_ROWS = f"""
INSERT INTO public.unit SELECT i, 'Unit contoh ' || i, 'Kecamatan contoh ' || (i % 12 + 1)
  FROM generate_series(1, 15) i ON CONFLICT DO NOTHING;
INSERT INTO public.warga (nomor, nama, lahir, alamat, catatan, diperbarui)
  SELECT 'CONTOH-' || lpad(i::text, 8, '0'), ({_GIVEN})[1 + i % 12] || ' ' || ({_FAMILY})[1 + i / 12 % 10],
    date '1950-01-01' + (i * 37 % 25000), 'Jl. Contoh No. ' || i % 200 || E', Dusun Ⅱ “Mawar”\\tRT 0' || i % 9,
    jsonb_build_object('alergi', i % 7 = 0, 'ket', repeat('—', i % 5)), now() - i * interval '20 minutes'
  FROM generate_series(1, {PEOPLE}) i ON CONFLICT DO NOTHING;
"""
REQUEST_ROWS = """
INSERT INTO public.layanan (warga, unit, jenis, biaya, lampiran, waktu)
  SELECT 1 + i * 7 % {people}, 1 + i % 15, (ARRAY['periksa','rujukan','imunisasi','surat','obat'])[1 + i % 5],
    (i * 131 % 90000) / 4.0, CASE WHEN i % 3 = 0 THEN decode(repeat(md5(i::text), 4), 'hex') END,
    now() - i * interval '12 minutes'
  FROM generate_series(0, {count} - 1) i;
"""
FRONT = 20  # the file that is the front page of the folder
PAGE = b"<!doctype html><html lang=id><title>Dokumen contoh</title><h1>Dokumen contoh</h1></html>\n"
_HEADS = {b".pdf": b"%PDF-1.7\n", b".docx": b"PK\x03\x04", b".xlsx": b"PK\x03\x04", b".jpg": b"\xff\xd8\xff"}
_FOLDERS = (
    "Surat masuk/2026/01 Januari",
    "Surat masuk/2026/02 Februari",
    "Surat keluar/2026",
    "Laporan – triwulan Ⅱ",
    "Foto kegiatan (posyandu)",
    "Kepegawaian/SK & cuti",
    ".konfigurasi",
    "arsip/a/b/c/d/e/f/g/h",
)


def database(*, name: str, owner: str, run_as: str, where: list[str]) -> dict[str, Any]:
    """Tables and rows of one database, made as its owner; {added: rows}. Topped up when the newest row is old."""
    session = pg.Session(run_as, [*where, "-d", name])
    try:
        session.tell("SET client_min_messages = warning;")
        session.tell(f'SET ROLE "{owner}";')
        session.tell("BEGIN;")
        session.tell(TABLES)
        session.tell(PEOPLE_ROWS)
        before, fresh = session.tell(
            f"SELECT count(*), coalesce(max(waktu) > now() - interval '{FRESH}', false) FROM public.layanan;"
        )[0].split("|")
        count = REQUESTS if before == "0" else 0 if fresh == "t" else 25
        if count:
            session.tell(REQUEST_ROWS.format(people=PEOPLE, count=count))
        session.tell("COMMIT;")
    finally:
        session.close()
    return {"added": count}


def files(*, root: str, count: int) -> dict[str, Any]:
    """A folder of documents with the names and modes that real ones have; {added: files}. Existing ones stay."""
    added = 0
    dice = random.Random(root)  # noqa: S311 # the same tree every time
    for number in range(count):
        folder = os.path.join(root, _FOLDERS[number % len(_FOLDERS)])
        path = os.fsencode(os.path.join(folder, _name(number)))
        content = _marked(dice.randbytes(_size(number)), path)
        if number == FRONT:  # the page that a service drill asks for
            folder, path, content = root, os.fsencode(os.path.join(root, "index.html")), PAGE
        os.makedirs(folder, mode=0o750, exist_ok=True)
        if number == 1:
            path = os.fsencode(folder) + b"/nama lama caf\xe9.txt"  # a name in Latin-1, as old systems left them
        if not os.path.lexists(path):
            _write(path, content, number)
            added += 1
    link = os.path.join(root, "terbaru")
    if not os.path.lexists(link):
        os.symlink(_FOLDERS[1], link)
    return {"added": added}


def sqlite_file(*, path: str) -> dict[str, Any]:
    """A small SQLite file in WAL mode; {added: rows}. One that is there stays as it is."""
    if os.path.exists(path):
        return {"added": 0}
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE catatan (id INTEGER PRIMARY KEY, isi TEXT NOT NULL, nilai REAL)")
        made.execute("CREATE INDEX catatan_isi ON catatan (isi)")
        made.executemany("INSERT INTO catatan VALUES (?, ?, ?)", ((n, f"Contoh {n}", n / 8) for n in range(NOTES)))
    return {"added": NOTES}


def _name(number: int) -> str:
    odd = {
        3: "-rf mulai dengan tanda.txt",
        5: "dua  spasi dan 'kutip' \"ganda\".docx",
        7: "baris\nbaru.txt",
        11: "日本語 – ∑ ü ß.pdf",
        13: "kosong.dat",
        17: "jalankan.sh",
    }
    return odd.get(number, f"{number:04d} dokumen contoh.{('pdf', 'docx', 'xlsx', 'jpg')[number % 4]}")


def _marked(content: bytes, path: bytes) -> bytes:
    """The same bytes with the head that such a file has: without it they would look encrypted."""
    head = next((mark for ending, mark in _HEADS.items() if path.endswith(ending)), b"")
    return (head + content[len(head) :])[: len(content)]


def _size(number: int) -> int:
    if number == 13:  # noqa: PLR2004 # the empty one
        return 0
    return 3_000_000 if number == 2 else 500 + number * 7919 % 60_000  # noqa: PLR2004 # one large file


def _write(path: bytes, content: bytes, number: int) -> None:
    with open(path, "wb") as out:
        out.write(content)
    if os.geteuid() == 0:
        os.chown(path, 1000 + number % 3, 100)
    os.chmod(path, 0o755 if path.endswith(b".sh") else (0o640, 0o600, 0o644)[number % 3])
    stamp = 1_767_225_600_000_000_000 + number * 3_600_123_456_789
    os.utime(path, ns=(stamp, stamp))
