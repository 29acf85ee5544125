import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.cql3.statements.schema.CreateTableStatement;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.Keyspace;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.SystemKeyspace;
import org.apache.cassandra.db.commitlog.CommitLog;
import org.apache.cassandra.db.compaction.CompactionManager;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.schema.KeyspaceMetadata;
import org.apache.cassandra.schema.KeyspaceParams;
import org.apache.cassandra.schema.Schema;
import org.apache.cassandra.schema.SchemaTransformations;
import org.apache.cassandra.schema.TableId;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.schema.Tables;

/**
 * Cassandra's storage engine without a cluster, flushing and compacting one table all the time. Round g writes the value g with the
 * timestamp 1000 g to the keys 0 to 49 and to the key 1000 + g, deletes the key 1000 + g - 1, flushes, and then writes g to a file.
 * Deletions are purged with what they cover as soon as they can be.
 *
 * Arguments: that file, seconds, the table's compaction options as CQL.
 */
public final class LiveTable
{
    private static final String TABLE_ID = "5a1c395e-b41f-11e5-9f22-ba0be0483c18";
    private static final int KEYS = 50;
    private static final int FIRST_DELETED = 1000;

    public static void main(String[] arguments) throws Exception
    {
        DatabaseDescriptor.daemonInitialization();
        CommitLog.instance.start();
        Schema.instance.loadFromDisk();
        Keyspace.setInitialized();
        SystemKeyspace.persistLocalMetadata();
        SystemKeyspace.getOrInitializeLocalHostId();
        TableMetadata table = createTable(arguments[2]);
        ColumnFamilyStore store = Keyspace.open("bench").getColumnFamilyStore("live");
        store.enableAutoCompaction();
        compactAll(store);
        Path told = Path.of(arguments[0]);
        long end = System.nanoTime() + Long.parseLong(arguments[1]) * 1_000_000_000L;
        long round = 0;
        while (System.nanoTime() < end)
        {
            write(table, ++round);
            store.forceBlockingFlush(ColumnFamilyStore.FlushReason.USER_FORCED);
            Path next = Path.of(told + ".next");
            Files.writeString(next, Long.toString(round));
            Files.move(next, told, StandardCopyOption.ATOMIC_MOVE);
            Thread.sleep(5);
        }
        System.out.println(round + " flushes, " + CompactionManager.instance.getCompletedTasks() + " compactions");
        System.out.flush();
        Runtime.getRuntime().halt(0); // threads of the storage engine would keep the process
    }

    private static TableMetadata createTable(String compaction)
    {
        TableMetadata table = CreateTableStatement.parse("CREATE TABLE live (k int PRIMARY KEY, v bigint) WITH gc_grace_seconds = 0 " +
                                                         "AND compaction = " + compaction, "bench")
                                                  .id(TableId.fromString(TABLE_ID)).build();
        KeyspaceMetadata keyspace = KeyspaceMetadata.create("bench", KeyspaceParams.simple(1), Tables.of(table));
        Schema.instance.transform(SchemaTransformations.addKeyspace(keyspace, true), true);
        return Schema.instance.getTableMetadata("bench", "live");
    }

    private static void compactAll(ColumnFamilyStore store)
    {
        Thread thread = new Thread(() -> {
            try
            {
                while (true)
                {
                    Thread.sleep(700);
                    store.forceMajorCompaction();
                }
            }
            catch (InterruptedException e)
            {
                Thread.currentThread().interrupt();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void write(TableMetadata table, long round)
    {
        for (int key = 0; key < KEYS; key++)
            new Mutation(written(table, key, round)).apply(false);
        new Mutation(written(table, (int) (FIRST_DELETED + round), round)).apply(false);
        PartitionUpdate.SimpleBuilder deleted = PartitionUpdate.simpleBuilder(table, (int) (FIRST_DELETED + round - 1));
        deleted.timestamp(round * 1000).delete();
        new Mutation(deleted.build()).apply(false);
    }

    private static PartitionUpdate written(TableMetadata table, int key, long round)
    {
        PartitionUpdate.SimpleBuilder update = PartitionUpdate.simpleBuilder(table, key);
        update.timestamp(round * 1000);
        update.row().add("v", round);
        return update.build();
    }
}
