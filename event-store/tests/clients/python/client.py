"""The official Python client, unmodified: what its users do. Run by tests/it/official_clients.rs."""

import json
import math
import os
import sys
import uuid
from datetime import datetime, timedelta, timezone
from ipaddress import IPv6Address
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

ROWS = 300_000
COLUMNS = """n UInt64, text String, kind LowCardinality(String), id UUID, at DateTime64(3, 'UTC'),
    part Nullable(Float64), weight Float64, address IPv6, tags Array(String)"""
BEGIN = datetime(2026, 9, 1, tzinfo=timezone.utc)
ADDRESSES = int(IPv6Address("2001:db8::"))


def nth(n):
    return (
        n,
        f"row {n}\t'\n\\ \u00fcn\u00efcode",
        f"kind {n % 17}",
        uuid.UUID(int=n << 64 | n * 7),
        BEGIN + timedelta(milliseconds=37 * n),
        None if n % 3 == 0 else n / 3,
        math.sqrt(n),
        IPv6Address(ADDRESSES + n),
        [f"tag {tag}" for tag in range(n % 4)],
    )


def checksum(rows):
    """Of values as they compare in this process, whether a time names UTC or not."""
    sum_ = 0
    for n, text, kind, id_, at, part, weight, address, tags in rows:
        at = at.replace(tzinfo=None)
        sum_ = hash((sum_, n, text, kind, id_, at, part, weight, address, tuple(tags)))
    return sum_


def open_client(**options):
    store = urlsplit(os.environ["STORE_URL"])
    return clickhouse_connect.get_client(
        host=store.hostname,
        port=store.port,
        username="writer",
        password=os.environ["STORE_PASSWORD"],
        database="store",
        **options,
    )


def code(ask):
    try:
        ask()
    except DatabaseError as error:
        # Its number stands in the server's own sentence.
        text = str(error)
        return int(text.split("Code: ", 1)[1].split(".", 1)[0]) if "Code: " in text else text
    return None


def main():
    client = open_client()
    assert client.ping()
    told = {"version": client.server_version}

    client.command(f"CREATE TABLE python_events ({COLUMNS}) ENGINE = MergeTree ORDER BY n")
    rows = [nth(n) for n in range(ROWS)]
    client.insert("python_events", rows)
    written = checksum(rows)
    query = "SELECT * FROM python_events ORDER BY n"
    found = client.query(query)
    told["rows"], told["same"] = found.row_count, checksum(found.result_rows) == written
    with client.query_rows_stream(query) as stream:
        told["streamed"] = checksum(stream) == written

    told["compressed"] = {}
    for method in ("lz4", "zstd", "gzip", None):
        other = open_client(compress=method or False)
        table = f"python_events_{method}"
        other.command(f"CREATE TABLE {table} ({COLUMNS}) ENGINE = MergeTree ORDER BY n")
        other.insert(table, rows[:5000])
        found = other.query(f"SELECT * FROM {table} ORDER BY n").result_rows
        told["compressed"][str(method)] = checksum(found) == checksum(rows[:5000])
        other.close()

    told["bound"] = client.query("SELECT {a:String}", parameters={"a": "it's \\ a\ttab"}).first_row[0]
    told["settings"] = client.query("SELECT getSetting('max_threads')", settings={"max_threads": 3}).first_row[0]
    brought = ExternalData(file_name="brought.csv", fmt="CSV", structure="a UInt32, b String", data=b"1,x\n2,y\n")
    told["brought"] = list(client.query("SELECT sum(a), max(b) FROM brought", external_data=brought).first_row)
    told["command"] = client.command("SELECT count() FROM python_events")
    # A result that is longer than what the store holds back.
    long = client.query("SELECT number, repeat('x', 400) AS text FROM numbers(300000)")
    told["long"] = long.row_count

    told["wrong"] = code(lambda: client.query("SELECT nope FROM python_events"))
    told["wrong_command"] = code(lambda: client.command("DROP TABLE nowhere"))
    failing = "SELECT number, throwIf(number = 2900000, 'boom') FROM numbers(3000000)"
    told["wrong_held"] = code(lambda: client.query(failing))

    def read_all():
        with client.query_row_block_stream(failing) as stream:
            for _ in stream:
                pass

    told["wrong_amid"] = code(read_all)
    told["set"] = code(lambda: client.command("SET max_threads = 1"))
    told["temporary"] = code(lambda: client.command("CREATE TEMPORARY TABLE t (a UInt8)"))
    client.close()
    json.dump(told, sys.stdout)


main()
