"""Rules of SigmaHQ for proxies, DNS and Cisco run on the log families that bring such records, under the names they ask for."""

from __future__ import annotations

import zipfile
from pathlib import Path

from countersign.app.collect import collect
from countersign.app.workspace import Workspace
from detecting import hits, lay, reviewed

RULES = {
    "rules/web/proxy_generic/proxy_download_susp_dyndns.yml": {"squid", "zscaler"},
    "rules/network/cisco/aaa/cisco_cli_disable_logging.yml": {"syslog"},
    "rules/network/dns/net_dns_pua_cryptocoin_mining_xmr.yml": {"windows_dns"},
}
LOGS = {
    "access.log": "1795168801.456     12 10.20.0.30 TCP_MISS/200 5120 GET http://evil.hopto.org/a/tool.exe jane HIER_DIRECT/192.0.2.80 x/y\n",
    "zscaler.log": "2026-11-20 10:00:00\treason=Allowed\taction=Allowed\trequestmethod=GET\turl=evil.hopto.org/a/tool.exe\thostname=evil.hopto.org"
    "\tuser=jane@example.com\tvendor=Zscaler\tClientIP=10.20.0.30\n",
    "dns.log": "20.11.2026 15:07:09 0A5C PACKET  000001D2F0A1B2C0 UDP Rcv 10.20.0.30      8a1f   Q [0001   D   NOERROR] A      (4)pool(8)minexmr(3)com(0)\n",
    "asa.log": "Nov 20 2026 11:00:07 asa1 : %ASA-5-111010: User 'admin', running 'CLI' from IP 10.1.1.2, executed 'no logging host inside 10.1.1.9'\n",
}


def test_rules_find_their_fields(tmp_path: Path, shared_data: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    with zipfile.ZipFile(shared_data / "sigma" / "sigma-rules.zip") as rules:
        for number, name in enumerate(RULES):
            lay(ward, f"{number}.yml", rules.read(name).decode())
    logs = tmp_path / "logs"
    logs.mkdir()
    for name, text in LOGS.items():
        (logs / name).write_text(text, "utf-8")
    collect(ward, [logs], workers=1)
    reviewed(ward)
    with ward.reading() as lake:
        sources = {row["id"]: row["source"] for row in lake.read("events").to_pylist()}
    assert set(sources.values()) == {source for kinds in RULES.values() for source in kinds}
    assert {sources[row[2]] for row in hits(ward)} == set(sources.values())
