"""A pipeline on Kafka (tests/kafka/pipeline.py) over the nodes of a recording, its streams in every form; with what SELECT gave."""

import re
import sys
from pathlib import Path

import recording
from table import Table

sys.path.append(str(Path(__file__).resolve().parents[1] / "kafka"))
from pipeline import KafkaPipeline, copied, lose_logs

# TTLs have run out since the recording was made.
EXPIRED = re.compile(r"\.(expiring|shortlived)(\.static)?$")


class Live:
    """A context manager. When it is entered, all that the nodes logged is in the topics; with `past`, most of it by way of the nodes'
    files, since the logs are gone. Of the form NAME that of a table is NAME.KEYSPACE.TABLE."""

    FORMS = {"json": {"format": "json", "incomplete": "hold"}, "connect": {"format": "json-schemas", "nested": "json"},
             "avro": {"format": "avro", "nested": "json"}}

    def __init__(self, home: Path, brokers: str, registry_url: str, braid: Path, path: Path, forms: set[str], past: bool):
        self.recording = recording.unpacked(path, home)
        self.tables = [table for table in recording.tables(self.recording) if not EXPIRED.search(table.name)]
        for table in self.tables:
            table.with_past = past
        keyspace = self.tables[0].name.partition(".")[0]
        streams = [{"name": form, "table": f"{keyspace}.*", "topic": form, **told} for form, told in self.FORMS.items() if form in forms]
        nodes = copied(self.recording, home)
        if past:
            lose_logs(nodes)
        self._pipeline = KafkaPipeline(braid, home / "pipeline", brokers, nodes, kafka={"registry": {"url": registry_url}},
                                       settings={"streams": streams, "backfill": {"rate": "1GiB"}})

    def __enter__(self) -> "Live":
        try:
            self._pipeline.start_agents()
            self._pipeline.add_worker()
            self._pipeline.await_sent()
            self._pipeline.await_taken_in()
            self._pipeline.await_whole()
        except BaseException:
            self._pipeline.close()
            raise
        return self

    def __exit__(self, *_):
        self._pipeline.close()

    def streams(self, form: str) -> list[tuple[str, Table]]:
        return [(f"{form}.{table.name}", table) for table in self.tables]
