import java.io.BufferedOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.db.ClusteringPrefix;
import org.apache.cassandra.db.DeletionTime;
import org.apache.cassandra.db.LivenessInfo;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.commitlog.CommitLogDescriptor;
import org.apache.cassandra.db.commitlog.CommitLogPosition;
import org.apache.cassandra.db.commitlog.CommitLogReadHandler;
import org.apache.cassandra.db.commitlog.CommitLogReader;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.db.rows.Cell;
import org.apache.cassandra.db.rows.ColumnData;
import org.apache.cassandra.db.rows.ComplexColumnData;
import org.apache.cassandra.db.rows.RangeTombstoneBoundaryMarker;
import org.apache.cassandra.db.rows.RangeTombstoneBoundMarker;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.db.rows.Unfiltered;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.schema.Schema;

/** Prints or counts what Cassandra's own reader finds in commit-log segments. The form is in ../README.md. */
public final class CommitLogDump
{
    private final List<String> tables = new ArrayList<>();
    private final List<File> segments = new ArrayList<>();
    private boolean all;
    private boolean count;
    private int repeat = 1;

    public static void main(String[] arguments) throws Exception
    {
        CommitLogDump dump = new CommitLogDump();
        dump.parse(arguments);
        DatabaseDescriptor.toolInitialization();
        loadSchema();
        if (dump.count)
            dump.countAll();
        else
            dump.printAll();
        System.out.flush();
        Runtime.getRuntime().halt(0); // threads of the storage engine would keep the process
    }

    private void parse(String[] arguments)
    {
        for (int i = 0; i < arguments.length; i++)
        {
            switch (arguments[i])
            {
                case "--all": all = true; break;
                case "--count": count = true; break;
                case "--repeat": repeat = Integer.parseInt(arguments[++i]); break;
                case "--table": tables.add(arguments[++i]); break;
                default: addSegments(new File(arguments[i]));
            }
        }
        segments.sort(Comparator.comparingLong(file -> CommitLogDescriptor.fromFileName(file.getName()).id));
    }

    private void addSegments(File path)
    {
        File[] inside = path.isDirectory() ? path.listFiles() : new File[]{ path };
        Arrays.stream(inside).filter(file -> CommitLogDescriptor.isValid(file.getName())).forEach(segments::add);
    }

    /** Without writing the schema's version, which 4.0 does unless told not to, and later ones never do. */
    private static void loadSchema() throws ReflectiveOperationException
    {
        try
        {
            Schema.class.getMethod("loadFromDisk", boolean.class).invoke(Schema.instance, false);
        }
        catch (NoSuchMethodException since41)
        {
            Schema.class.getMethod("loadFromDisk").invoke(Schema.instance);
        }
    }

    private void printAll() throws Exception
    {
        try (OutputStream out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 20))
        {
            read(new Printer(out));
        }
    }

    private void countAll() throws Exception
    {
        double best = Double.MAX_VALUE;
        Counter counter = null;
        for (int pass = 0; pass < repeat; pass++)
        {
            counter = new Counter();
            long start = System.nanoTime();
            read(counter);
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        System.out.printf(java.util.Locale.ROOT, "{\"mutations\":%d,\"cells\":%d,\"bytes\":%d,\"seconds\":%.6f}%n",
                          counter.mutations, counter.cells, counter.bytes, best);
    }

    private void read(CommitLogReadHandler handler) throws Exception
    {
        for (File segment : segments)
        {
            CommitLogReader reader = new CommitLogReader();
            readSegment(reader, handler, segment);
            reader.getInvalidMutations().forEach(
                entry -> System.err.println(segment.getName() + ": " + entry.getValue() + " mutations to the unknown table " + entry.getKey()));
        }
    }

    /** From 4.1 on, files are Cassandra's own class. */
    private static void readSegment(CommitLogReader reader, CommitLogReadHandler handler, File segment) throws Exception
    {
        for (java.lang.reflect.Method method : CommitLogReader.class.getMethods())
        {
            Class<?>[] parameters = method.getParameterTypes();
            if (!method.getName().equals("readCommitLogSegment") || parameters.length != 4 || parameters[2] != CommitLogPosition.class)
                continue;
            Object file = parameters[1] == File.class ? segment : parameters[1].getConstructor(File.class).newInstance(segment);
            method.invoke(reader, handler, file, CommitLogPosition.NONE, false);
            return;
        }
        throw new IllegalStateException("this Cassandra has no readCommitLogSegment(handler, file, position, boolean)");
    }

    private boolean isWanted(String keyspace)
    {
        return all || !(keyspace.equals("system") || keyspace.startsWith("system_"));
    }

    private abstract static class Handler implements CommitLogReadHandler
    {
        @Override
        public boolean shouldSkipSegmentOnError(CommitLogReadException exception)
        {
            System.err.println(exception.getMessage());
            return false;
        }

        @Override
        public void handleUnrecoverableError(CommitLogReadException exception)
        {
            System.err.println(exception.getMessage());
        }
    }

    private final class Counter extends Handler
    {
        private long mutations;
        private long cells;
        private long bytes;
        private long sink;

        @Override
        public void handleMutation(Mutation mutation, int size, int position, CommitLogDescriptor descriptor)
        {
            boolean wanted = isWanted(mutation.getKeyspaceName());
            if (wanted)
            {
                mutations++;
                bytes += size;
            }
            for (PartitionUpdate update : mutation.getPartitionUpdates())
            {
                long before = cells;
                visit(update.staticRow());
                try (UnfilteredRowIterator rows = update.unfilteredIterator())
                {
                    while (rows.hasNext())
                    {
                        Unfiltered unfiltered = rows.next();
                        if (unfiltered.isRow())
                            visit((Row) unfiltered);
                    }
                }
                if (!wanted)
                    cells = before;
            }
        }

        private void visit(Row row)
        {
            for (Cell<?> cell : row.cells())
            {
                cells++;
                sink += cell.timestamp() + cell.valueSize();
            }
        }
    }

    private final class Printer extends Handler
    {
        private final OutputStream out;

        private Printer(OutputStream out)
        {
            this.out = out;
        }

        @Override
        public void handleMutation(Mutation mutation, int size, int position, CommitLogDescriptor descriptor)
        {
            if (!isWanted(mutation.getKeyspaceName()))
                return;
            int part = 0;
            for (PartitionUpdate update : mutation.getPartitionUpdates())
            {
                String name = update.metadata().keyspace + '.' + update.metadata().name;
                if (tables.isEmpty() || tables.contains(name))
                    write(new Line().update(update, descriptor.id, position, part));
                part++;
            }
        }

        private void write(String line)
        {
            try
            {
                out.write(line.getBytes(StandardCharsets.UTF_8));
            }
            catch (IOException e)
            {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    /** Builds one line. */
    private static final class Line
    {
        private static final char[] HEX = "0123456789abcdef".toCharArray();
        private final StringBuilder text = new StringBuilder();

        private String update(PartitionUpdate update, long segment, int position, int part)
        {
            text.append("{\"segment\":").append(segment).append(",\"position\":").append(position)
                .append(",\"part\":").append(part).append(",\"table\":\"").append(update.metadata().id.asUUID())
                .append("\",\"keyspace\":");
            quoted(update.metadata().keyspace);
            text.append(",\"name\":");
            quoted(update.metadata().name);
            text.append(",\"key\":");
            hex(update.partitionKey().getKey());
            text.append(",\"deletion\":");
            deletion(update.partitionLevelDeletion());
            text.append(",\"static\":");
            if (update.staticRow().isEmpty())
                text.append("null");
            else
                row(update.staticRow());
            text.append(",\"rows\":[");
            try (UnfilteredRowIterator rows = update.unfilteredIterator())
            {
                for (boolean first = true; rows.hasNext(); first = false)
                {
                    if (!first)
                        text.append(',');
                    Unfiltered unfiltered = rows.next();
                    if (unfiltered.isRow())
                        row((Row) unfiltered);
                    else
                        marker(unfiltered);
                }
            }
            return text.append("]}\n").toString();
        }

        private void row(Row row)
        {
            text.append("{\"clustering\":");
            clustering(row.clustering());
            text.append(",\"liveness\":");
            liveness(row.primaryKeyLivenessInfo());
            text.append(",\"deletion\":");
            deletion(row.deletion().time());
            text.append(",\"complex\":[");
            boolean first = true;
            for (ColumnData data : row)
            {
                if (data instanceof ComplexColumnData && !((ComplexColumnData) data).complexDeletion().isLive())
                {
                    text.append(first ? "[" : ",[");
                    DeletionTime time = ((ComplexColumnData) data).complexDeletion();
                    quoted(data.column().name.toString());
                    text.append(',').append(time.markedForDeleteAt()).append(',').append(time.localDeletionTime()).append(']');
                    first = false;
                }
            }
            text.append("],\"cells\":[");
            first = true;
            for (Cell<?> cell : row.cells())
            {
                if (!first)
                    text.append(',');
                cell(cell);
                first = false;
            }
            text.append("]}");
        }

        private void cell(Cell<?> cell)
        {
            text.append('[');
            quoted(cell.column().name.toString());
            text.append(',');
            if (cell.path() == null)
                text.append("null");
            else
                hex(cell.path().get(0));
            text.append(cell.isTombstone() ? ",\"deleted\"," : cell.isExpiring() ? ",\"expiring\"," : ",\"live\",");
            text.append(cell.timestamp()).append(',').append(cell.isExpiring() ? cell.ttl() : 0).append(',');
            if (cell.isTombstone() || cell.isExpiring())
                text.append(cell.localDeletionTime());
            else
                text.append("null");
            text.append(',');
            if (cell.isTombstone())
                text.append("null");
            else
                hex(cell.buffer());
            text.append(']');
        }

        private void liveness(LivenessInfo info)
        {
            if (info.isEmpty())
            {
                text.append("null");
                return;
            }
            text.append('[').append(info.timestamp()).append(',').append(info.isExpiring() ? info.ttl() : 0).append(',');
            if (info.isExpiring())
                text.append(info.localExpirationTime());
            else
                text.append("null");
            text.append(']');
        }

        private void marker(Unfiltered unfiltered)
        {
            text.append("{\"marker\":\"").append(unfiltered.clustering().kind().toString().replaceAll("_BOUND(ARY)?$", "")).append("\",\"clustering\":");
            clustering(unfiltered.clustering());
            if (unfiltered instanceof RangeTombstoneBoundaryMarker)
            {
                RangeTombstoneBoundaryMarker boundary = (RangeTombstoneBoundaryMarker) unfiltered;
                text.append(",\"end\":");
                deletion(boundary.endDeletionTime());
                text.append(",\"start\":");
                deletion(boundary.startDeletionTime());
            }
            else
            {
                text.append(",\"deletion\":");
                deletion(((RangeTombstoneBoundMarker) unfiltered).deletionTime());
            }
            text.append('}');
        }

        private void clustering(ClusteringPrefix<?> prefix)
        {
            text.append('[');
            for (int i = 0; i < prefix.size(); i++)
            {
                if (i > 0)
                    text.append(',');
                if (prefix.get(i) == null)
                    text.append("null");
                else
                    hex(prefix.bufferAt(i));
            }
            text.append(']');
        }

        private void deletion(DeletionTime time)
        {
            if (time.isLive())
                text.append("null");
            else
                text.append('[').append(time.markedForDeleteAt()).append(',').append(time.localDeletionTime()).append(']');
        }

        private void hex(ByteBuffer bytes)
        {
            text.append('"');
            for (int i = bytes.position(); i < bytes.limit(); i++)
                text.append(HEX[(bytes.get(i) >> 4) & 15]).append(HEX[bytes.get(i) & 15]);
            text.append('"');
        }

        private void quoted(String name)
        {
            text.append('"');
            for (char c : name.toCharArray())
            {
                if (c == '"' || c == '\\')
                    text.append('\\').append(c);
                else if (c < 0x20)
                    text.append(String.format("\\u%04x", (int) c));
                else
                    text.append(c);
            }
            text.append('"');
        }
    }
}
