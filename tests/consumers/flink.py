"""Flink SQL: a script run to its end by Flink's own SQL client, in one process with a cluster of its own."""

from pathlib import Path

import artefacts
from program import Failed, Program

CONFIGURATION = """execution.target: local
parallelism.default: 1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
jobmanager.rpc.address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: 2
taskmanager.memory.network.min: 32mb
taskmanager.memory.network.max: 32mb
taskmanager.memory.managed.size: 64mb
io.tmp.dirs: {home}/tmp
web.tmpdir: {home}/tmp
"""

LOG4J = """rootLogger.level = INFO
rootLogger.appenderRef.out.ref = Out
appender.out.name = Out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
"""

# What Java 17 keeps from Flink otherwise (its own config.yaml says the same).
MODULE_FLAGS = ["--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
                *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in
                  ("java.lang", "java.net", "java.io", "java.nio", "java.lang.reflect", "java.text", "java.time", "java.util",
                   "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch"))]


def run_sql(home: Path, script: str, seconds: float) -> Program:
    """Runs the statements one after another, the last being an INSERT (or a set of them) that is bounded; it is through with it
    when this returns. Failed says what went wrong."""
    home = home.resolve()
    conf = home / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    (home / "tmp").mkdir(exist_ok=True)
    (conf / "config.yaml").write_text(CONFIGURATION.format(home=home))
    (conf / "log4j.properties").write_text(LOG4J)
    (home / "script.sql").write_text("SET 'table.dml-sync' = 'true';\n" + script)
    flink, connector = artefacts.flink(), artefacts.jars("flink")
    argv = ["env", f"FLINK_CONF_DIR={conf}", f"FLINK_HOME={flink}", f"FLINK_LIB_DIR={flink / 'lib'}", "java", "-Xmx768m",
            "-XX:+UseSerialGC", *MODULE_FLAGS, f"-Dlog4j.configurationFile=file:{conf / 'log4j.properties'}",
            "-cp", f"{flink}/lib/*:{flink}/opt/*:{connector}/*", "org.apache.flink.table.client.SqlClient", "embedded",
            "-f", home / "script.sql", "-hist", home / "history"]
    with Program("Flink SQL", argv, home / "flink.log") as program:
        code = program.finish(seconds)
        text = program.log.read_text(errors="replace")
        # The exit code does not say that a statement failed; and an error may only be that the client asked a cluster how the job
        # is that has gone, the job being done.
        if code != 0 or "switched from state RUNNING to FINISHED" not in text:
            # Of a statement of several lines the client first tries each line, in vain.
            said = [line for line in text.splitlines() if line.startswith(("[ERROR]", "Caused by:"))
                    and not any(noise in line for noise in ("<EOF>", "SqlGatewayException", "SqlExecutionException"))]
            raise Failed("\n".join([f"Flink SQL ended with {code}: see {program.log}", *dict.fromkeys(said)]))
        return program
