import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Prints every record of some topics that a reader of committed ones sees, up to their ends now: a JSON object a line,
 *  with key and value as text (or base64 where --binary is given). Kafka's own consumer, unmodified.
 *  Arguments: BOOTSTRAP [--binary] [--uncommitted] TOPIC... */
class Consume {
    public static void main(String[] arguments) throws Exception {
        boolean binary = false;
        boolean committed = true;
        List<String> topics = new ArrayList<>();
        for (int i = 1; i < arguments.length; ++i) {
            if (arguments[i].equals("--binary")) binary = true;
            else if (arguments[i].equals("--uncommitted")) committed = false;
            else topics.add(arguments[i]);
        }
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("isolation.level", committed ? "read_committed" : "read_uncommitted");
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("allow.auto.create.topics", "false");
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        StringBuilder out = new StringBuilder();
        PrintStream lines = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : topics) {
                var infos = consumer.partitionsFor(topic);
                if (infos == null) continue;
                infos.forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(partitions));
            while (!ends.isEmpty()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    print(record, binary, out);
                }
                lines.print(out);
                out.setLength(0);
                ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
            }
        }
        lines.flush();
    }

    private static void print(ConsumerRecord<byte[], byte[]> record, boolean binary, StringBuilder out) {
        out.append("{\"topic\":").append(text(record.topic())).append(",\"partition\":").append(record.partition())
            .append(",\"offset\":").append(record.offset()).append(",\"timestamp\":").append(record.timestamp())
            .append(",\"headers\":{");
        String comma = "";
        for (Header header : record.headers()) {
            out.append(comma).append(text(header.key())).append(':')
                .append(text(new String(header.value(), StandardCharsets.UTF_8)));
            comma = ",";
        }
        out.append("},\"key\":").append(bytes(record.key(), binary)).append(",\"value\":")
            .append(bytes(record.value(), binary)).append("}\n");
    }

    private static String bytes(byte[] bytes, boolean binary) {
        if (bytes == null) return "null";
        return binary ? text(Base64.getEncoder().encodeToString(bytes)) : text(new String(bytes, StandardCharsets.UTF_8));
    }

    private static String text(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); ++i) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') quoted.append('\\').append(c);
            else if (c < 0x20) quoted.append(String.format("\\u%04x", (int) c));
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }
}
