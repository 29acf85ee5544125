import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.cql3.statements.schema.CreateTableStatement;
import org.apache.cassandra.db.Clustering;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.Keyspace;
import org.apache.cassandra.db.LivenessInfo;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.SystemKeyspace;
import org.apache.cassandra.db.commitlog.CommitLog;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.db.rows.BTreeRow;
import org.apache.cassandra.db.rows.BufferCell;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.schema.ColumnMetadata;
import org.apache.cassandra.schema.KeyspaceMetadata;
import org.apache.cassandra.schema.KeyspaceParams;
import org.apache.cassandra.schema.Schema;
import org.apache.cassandra.schema.SchemaTransformations;
import org.apache.cassandra.schema.TableId;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.schema.Tables;

/**
 * Fills a commit log through Cassandra's own code, without a cluster: one table, 60% inserts of eight columns and 40% updates of
 * two. The same seed gives the same mutations for every node; each node logs them in an order of its own.
 *
 * Arguments: mutations, seed, node (1 to 3), window (mutations within which the order differs between nodes), start (us since 1970),
 * gap (us between two mutations).
 */
public final class BulkLog
{
    private static final String KEYSPACE = "bench";
    private static final String TABLE =
        "CREATE TABLE events (id uuid, at timeuuid, actor text, count bigint, flag boolean, note text, price double, " +
        "rating int, seen timestamp, title text, PRIMARY KEY (id, at))";
    private static final String TABLE_ID = "5a1c395e-b41f-11e5-9f22-ba0be0483c18";
    private static final String[] NAMES = { "actor", "count", "flag", "note", "price", "rating", "seen", "title" };
    private static final int[] LENGTHS = { -12, 8, 1, -20, 8, 4, 8, -24 }; // negative: a text of that length
    private static final int NOTE = 3;
    private static final int RATING = 5;

    private final TableMetadata table;
    private final ColumnMetadata[] columns = new ColumnMetadata[NAMES.length];
    private final long seed;
    private final long start;
    private final long gap;

    private BulkLog(TableMetadata table, long seed, long start, long gap)
    {
        this.table = table;
        this.seed = seed;
        this.start = start;
        this.gap = gap;
        for (int i = 0; i < NAMES.length; i++)
            columns[i] = table.getColumn(ByteBuffer.wrap(NAMES[i].getBytes(StandardCharsets.US_ASCII)));
    }

    public static void main(String[] arguments) throws Exception
    {
        int mutations = Integer.parseInt(arguments[0]);
        long seed = Long.parseLong(arguments[1]);
        int node = Integer.parseInt(arguments[2]);
        int window = Integer.parseInt(arguments[3]);
        DatabaseDescriptor.daemonInitialization();
        CommitLog.instance.start();
        Schema.instance.loadFromDisk();
        Keyspace.setInitialized();
        SystemKeyspace.persistLocalMetadata();
        SystemKeyspace.getOrInitializeLocalHostId();
        TableMetadata table = createTable();
        new BulkLog(table, seed, Long.parseLong(arguments[4]), Long.parseLong(arguments[5])).write(mutations, node, window);
        for (String system : new String[]{ "system", "system_schema" })
            for (ColumnFamilyStore store : Keyspace.open(system).getColumnFamilyStores())
                store.forceBlockingFlush(ColumnFamilyStore.FlushReason.USER_FORCED);
        CommitLog.instance.sync(true);
        CommitLog.instance.shutdownBlocking();
        Runtime.getRuntime().halt(0); // threads of the storage engine would keep the process
    }

    private static TableMetadata createTable()
    {
        TableMetadata table = CreateTableStatement.parse(TABLE, KEYSPACE).id(TableId.fromString(TABLE_ID)).build();
        table = table.unbuild().params(table.params.unbuild().cdc(true).build()).build();
        KeyspaceMetadata keyspace = KeyspaceMetadata.create(KEYSPACE, KeyspaceParams.simple(3), Tables.of(table));
        Schema.instance.transform(SchemaTransformations.addKeyspace(keyspace, true), true);
        return Schema.instance.getTableMetadata(KEYSPACE, "events");
    }

    /** Blocks of `window` mutations, each shuffled in the node's own way. */
    private void write(int mutations, int node, int window) throws IOException
    {
        SplittableRandom order = new SplittableRandom(seed * 31 + node);
        for (int from = 0; from < mutations; from += window)
        {
            int[] block = new int[Math.min(window, mutations - from)];
            for (int i = 0; i < block.length; i++)
            {
                int j = order.nextInt(i + 1);
                block[i] = block[j];
                block[j] = from + i;
            }
            for (int number : block)
                CommitLog.instance.add(mutation(number));
        }
    }

    /** Of ten mutations six insert rows of their own; four update any of the rows inserted until then. */
    private Mutation mutation(int number)
    {
        SplittableRandom random = new SplittableRandom(seed ^ (number * 0x9E3779B97F4A7C15L));
        int inserted = number / 10 * 6;
        boolean insert = number % 10 < 6;
        long row = insert ? inserted + number % 10 : random.nextInt(inserted + 6);
        SplittableRandom key = new SplittableRandom(~seed ^ (row * 0xD1B54A32D192ED03L));
        ByteBuffer id = uuid(key, 4);
        Row.Builder builder = BTreeRow.unsortedBuilder();
        builder.newRow(Clustering.make(uuid(key, 1)));
        long timestamp = start + number * gap;
        if (insert)
            builder.addPrimaryKeyLivenessInfo(LivenessInfo.create(timestamp, timestamp / 1_000_000));
        for (int i = 0; i < NAMES.length; i++)
            if (insert || i == NOTE || i == RATING)
                builder.addCell(BufferCell.live(columns[i], timestamp, value(random, LENGTHS[i])));
        return new Mutation(PartitionUpdate.singleRowUpdate(table, id, builder.build()));
    }

    private static ByteBuffer uuid(SplittableRandom random, int version)
    {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        bytes[6] = (byte) (bytes[6] & 0x0F | version << 4);
        bytes[8] = (byte) (bytes[8] & 0x3F | 0x80);
        return ByteBuffer.wrap(bytes);
    }

    private static ByteBuffer value(SplittableRandom random, int length)
    {
        byte[] bytes = new byte[Math.abs(length)];
        random.nextBytes(bytes);
        if (length < 0)
            for (int i = 0; i < bytes.length; i++)
                bytes[i] = (byte) ('a' + (bytes[i] & 15));
        if (length == 1)
            bytes[0] &= 1;
        return ByteBuffer.wrap(bytes);
    }
}
