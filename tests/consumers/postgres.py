"""PostgreSQL 15 in a directory of its own, on a port of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

import artefacts
from program import Failed, Program, free_port

# PostgreSQL does not run as root.
UNPRIVILEGED = "postgres"


class Postgres:
    """`with Postgres(DIR) as database`: starts and stops the server; `connect()` is for the test, `jdbc_url` for a sink."""

    def __init__(self, home: Path):
        self.home = home.resolve()
        self.program: Program | None = None
        self.port = free_port()
        self.jdbc_url = f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"
        self.user = "postgres"
        self._as = UNPRIVILEGED if os.getuid() == 0 else None

    def __enter__(self) -> "Postgres":
        programs = artefacts.POSTGRES
        # Not below `home`: the server's user may not be allowed to pass through what is above it.
        self._data = tempfile.mkdtemp(prefix="braid-postgres.")
        if self._as:
            os.chown(self._data, pwd.getpwnam(self._as).pw_uid, pwd.getpwnam(self._as).pw_gid)
        try:
            self._start(programs)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.program:
            self.program.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def _start(self, programs: Path) -> None:
        made = subprocess.run([programs / "initdb", "-D", self._data, "-U", self.user, "-A", "trust", "-E", "UTF8", "--locale=C",
                               "--no-sync"], capture_output=True, text=True, cwd="/", user=self._as, group=self._as,
                              extra_groups=[] if self._as else None)
        if made.returncode != 0:
            raise Failed(f"initdb: {made.stderr}")
        self.program = Program("PostgreSQL", [programs / "postgres", "-D", self._data, "-p", self.port, "-h", "127.0.0.1",
                                              "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=32MB"],
                               self.home / "postgres.log", user=self._as, ask_by=signal.SIGINT)
        self.program.wait_until(self._answers, "answering", 30)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(host="127.0.0.1", port=self.port, user=self.user, dbname="postgres", autocommit=True)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True
