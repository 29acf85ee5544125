import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.UUID;

import org.apache.cassandra.config.Config;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.cql3.statements.schema.CreateTableStatement;
import org.apache.cassandra.db.rows.Cell;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.db.rows.Unfiltered;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.dht.Murmur3Partitioner;
import org.apache.cassandra.io.sstable.CQLSSTableWriter;
import org.apache.cassandra.io.sstable.Descriptor;
import org.apache.cassandra.io.sstable.ISSTableScanner;
import org.apache.cassandra.io.sstable.format.SSTableReader;
import org.apache.cassandra.io.util.File;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.schema.TableMetadataRef;

/**
 * Writes one SSTable by Cassandra's own writer, or reads one by Cassandra's own scanner and counts every cell. The table is that of
 * BulkLog, every row inserted whole.
 *
 * write: directory, rows, rows of the partitions in turn (1,1,200), compressor or "none", version (oa or da), seed.
 * count: the path of Data.db, version, repeats.
 */
public final class BulkSstable
{
    private static final String TABLE =
        "CREATE TABLE bench.events (id uuid, at timeuuid, actor text, count bigint, flag boolean, note text, price double, " +
        "rating int, seen timestamp, title text, PRIMARY KEY (id, at))";
    private static final String INSERT =
        "INSERT INTO bench.events (id, at, actor, count, flag, note, price, rating, seen, title) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    private static final long START_US = 1763712000000000L;

    private long sink;

    public static void main(String[] arguments) throws Exception
    {
        boolean write = arguments[0].equals("write");
        configure(arguments[write ? 5 : 2]);
        if (write)
            write(arguments);
        else
            new BulkSstable().count(arguments[1], Integer.parseInt(arguments[3]));
        System.out.flush();
        Runtime.getRuntime().halt(0); // threads of the storage engine would keep the process
    }

    private static void configure(String version)
    {
        DatabaseDescriptor.clientInitialization(false, () -> {
            Config config = new Config();
            if (version.equals("da"))
                config.sstable.selected_format = "bti";
            return config;
        });
        DatabaseDescriptor.setPartitionerUnsafe(Murmur3Partitioner.instance);
    }

    private static void write(String[] arguments) throws Exception
    {
        Path directory = Files.createDirectories(Path.of(arguments[1]));
        int rows = Integer.parseInt(arguments[2]);
        int[] widths = Arrays.stream(arguments[3].split(",")).mapToInt(Integer::parseInt).toArray();
        SplittableRandom random = new SplittableRandom(Long.parseLong(arguments[6]));
        String compression = arguments[4].equals("none") ? "{'enabled': false}" : "{'class': '" + arguments[4] + "Compressor'}";
        try (CQLSSTableWriter writer = CQLSSTableWriter.builder().inDirectory(directory.toString())
                                                       .forTable(TABLE + " WITH compression = " + compression)
                                                       .using(INSERT).sorted().build())
        {
            long timestamp = START_US;
            int partition = 0;
            for (UUID id : sortedKeys(rows, widths, random))
            {
                List<UUID> times = new ArrayList<>();
                for (int i = 0; i < widths[partition % widths.length]; i++)
                    times.add(uuid(random, 1));
                times.sort(Comparator.comparingLong(UUID::timestamp));
                partition++;
                for (UUID at : times)
                    writer.addRow(id, at, text(random, 12), random.nextLong(), random.nextBoolean(), text(random, 20),
                                  random.nextDouble(), random.nextInt(), new Date(START_US / 1000 + random.nextInt(1 << 30)),
                                  text(random, 24), timestamp += 20);
            }
        }
    }

    /** Enough keys for `rows`, in the order of the file; which of them gets which width follows that order. */
    private static List<UUID> sortedKeys(int rows, int[] widths, SplittableRandom random)
    {
        List<UUID> keys = new ArrayList<>();
        for (int left = rows; left > 0; left -= widths[(keys.size() - 1) % widths.length])
            keys.add(uuid(random, 4));
        Murmur3Partitioner partitioner = Murmur3Partitioner.instance;
        keys.sort(Comparator.comparing(key -> partitioner.getToken(bytes(key))));
        return keys;
    }

    private void count(String path, int repeats) throws Exception
    {
        TableMetadata table = CreateTableStatement.parse(TABLE, "bench").build();
        SSTableReader sstable = SSTableReader.openNoValidation(null, Descriptor.fromFile(new File(path)),
                                                               TableMetadataRef.forOfflineTools(table));
        double best = Double.MAX_VALUE;
        long partitions = 0;
        long rows = 0;
        long cells = 0;
        for (int pass = 0; pass < repeats; pass++)
        {
            long start = System.nanoTime();
            partitions = rows = cells = 0;
            try (ISSTableScanner scanner = sstable.getScanner())
            {
                while (scanner.hasNext())
                {
                    try (UnfilteredRowIterator partition = scanner.next())
                    {
                        partitions++;
                        while (partition.hasNext())
                        {
                            Unfiltered unfiltered = partition.next();
                            if (!unfiltered.isRow())
                                continue;
                            rows++;
                            for (Cell<?> cell : ((Row) unfiltered).cells())
                            {
                                cells++;
                                sink += cell.timestamp() + cell.valueSize();
                            }
                        }
                    }
                }
            }
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        System.out.printf(Locale.ROOT, "{\"partitions\":%d,\"rows\":%d,\"cells\":%d,\"bytes\":%d,\"seconds\":%.6f}%n",
                          partitions, rows, cells, sstable.uncompressedLength(), best);
    }

    private static ByteBuffer bytes(UUID id)
    {
        return ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).flip();
    }

    private static UUID uuid(SplittableRandom random, int version)
    {
        return new UUID(random.nextLong() & ~0xF000L | (long) version << 12,
                        random.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L);
    }

    private static String text(SplittableRandom random, int length)
    {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++)
            text.append((char) ('a' + random.nextInt(16)));
        return text.toString();
    }
}
