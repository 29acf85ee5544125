import io.apicurio.registry.utils.converter.avro.AvroData;
import io.apicurio.registry.utils.converter.avro.AvroDataConfig;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * Reads lines of "SCHEMA, tab, DATUM in hexadecimal with its frame" as Connect's converter for Avro does, and writes each as
 * JsonConverter shows it. Ends with an error if Connect would have written another Avro schema for it.
 */
public final class ConnectAvro {
    private static final int FRAME_BYTES = 5;

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        AvroData avro = new AvroData(new AvroDataConfig(Map.of("enhanced.avro.schema.support", "true")));
        JsonConverter json = new JsonConverter();
        json.configure(Map.of("schemas.enable", "true"), false);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int tab = line.indexOf('\t');
            Schema schema = new Schema.Parser().parse(line.substring(0, tab));
            byte[] bytes = HexFormat.of().parseHex(line.substring(tab + 1));
            BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, FRAME_BYTES, bytes.length - FRAME_BYTES, null);
            Object datum = new GenericDatumReader<Object>(schema).read(null, decoder);
            SchemaAndValue read = avro.toConnectData(schema, datum);
            ((Struct) read.value()).validate();
            Schema again = avro.fromConnectSchema(read.schema());
            if (!decoder.isEnd() || !again.equals(schema)) {
                throw new IllegalStateException("Connect writes " + again + " for " + schema);
            }
            out.println(new String(json.fromConnectData("topic", read.schema(), read.value()), StandardCharsets.UTF_8));
        }
        out.flush();
    }
}
