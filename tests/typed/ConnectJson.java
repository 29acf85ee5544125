import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;

/** Reads each line as Kafka Connect's JsonConverter does, and writes it again. */
public final class ConnectJson {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "true"), false);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            SchemaAndValue read = converter.toConnectData("topic", line.getBytes(StandardCharsets.UTF_8));
            ((Struct) read.value()).validate();
            byte[] again = converter.fromConnectData("topic", read.schema(), read.value());
            out.println(new String(again, StandardCharsets.UTF_8));
        }
        out.flush();
    }
}
