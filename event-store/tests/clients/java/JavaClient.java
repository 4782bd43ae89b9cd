// The official Java client, unmodified: what its users do. Run by tests/it/official_clients.rs.

import com.clickhouse.client.api.Client;
import com.clickhouse.client.api.ServerException;
import com.clickhouse.client.api.data_formats.ClickHouseBinaryFormatReader;
import com.clickhouse.client.api.insert.InsertResponse;
import com.clickhouse.client.api.metadata.TableSchema;
import com.clickhouse.client.api.query.GenericRecord;
import com.clickhouse.client.api.query.QueryResponse;
import com.clickhouse.client.api.query.Records;
import com.clickhouse.data.ClickHouseFormat;
import java.io.ByteArrayInputStream;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.zip.CRC32;

public final class JavaClient {
    private static final int ROWS = 300_000;
    private static final int SOME = 2_000;
    private static final String COLUMNS = "n UInt64, text String, kind LowCardinality(String), id UUID, "
            + "at DateTime64(3, 'UTC'), part Nullable(Float64), weight Float64, address IPv6, tags Array(String)";

    /** One row. */
    public static final class Event {
        private long n;
        private String text;
        private String kind;
        private UUID id;
        private ZonedDateTime at;
        private Double part;
        private double weight;
        private Inet6Address address;
        private List<String> tags;

        public long getN() { return n; }
        public String getText() { return text; }
        public String getKind() { return kind; }
        public UUID getId() { return id; }
        public ZonedDateTime getAt() { return at; }
        public Double getPart() { return part; }
        public double getWeight() { return weight; }
        public Inet6Address getAddress() { return address; }
        public List<String> getTags() { return tags; }

        String line() {
            return n + "|" + text + "|" + kind + "|" + id + "|" + at.toInstant().toEpochMilli() + "|" + part + "|" + weight
                    + "|" + address.getHostAddress() + "|" + tags;
        }
    }

    private static Event nth(int n) throws Exception {
        Event made = new Event();
        made.n = n;
        made.text = "row " + n + "\t'\n\\ \u00fcn\u00efcode";
        made.kind = "kind " + n % 17;
        made.id = new UUID(n * 0x9e3779b97f4a7c15L, n);
        made.at = Instant.ofEpochMilli(1_790_000_000_000L + n * 37L).atZone(ZoneOffset.UTC);
        made.part = n % 3 == 0 ? null : n / 3.0;
        made.weight = Math.sqrt(n);
        byte[] address = {0x20, 1, 0x0d, (byte) 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte) (n >> 16), (byte) (n >> 8), (byte) n};
        made.address = (Inet6Address) InetAddress.getByAddress(address);
        made.tags = new ArrayList<>();
        for (int tag = 0; tag < n % 4; tag++) {
            made.tags.add("tag " + tag);
        }
        return made;
    }

    private static Event read(ClickHouseBinaryFormatReader reader) {
        Event one = new Event();
        one.n = reader.getLong("n");
        one.text = reader.getString("text");
        one.kind = reader.getString("kind");
        one.id = reader.getUUID("id");
        one.at = reader.getZonedDateTime("at");
        one.part = reader.hasValue("part") ? (Double) reader.getDouble("part") : null;
        one.weight = reader.getDouble("weight");
        one.address = reader.getInet6Address("address");
        one.tags = reader.getList("tags");
        return one;
    }

    private static void add(CRC32 sum, Event event) {
        sum.update(event.line().getBytes(StandardCharsets.UTF_8));
    }

    /** The server's code, 0 when all went well, -1 when it is another error. */
    private static int code(Callable<?> ask) {
        try {
            ask.call();
            return 0;
        } catch (Throwable error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                if (cause instanceof ServerException) {
                    return ((ServerException) cause).getCode();
                }
            }
            return -1;
        }
    }

    private static Client.Builder builder() {
        return new Client.Builder()
                .addEndpoint(System.getenv("STORE_URL"))
                .setUsername("writer")
                .setPassword(System.getenv("STORE_PASSWORD"))
                .setDefaultDatabase("store");
    }

    private static long readAll(Client client, String table, long[] count) throws Exception {
        CRC32 sum = new CRC32();
        try (QueryResponse response = client.query("SELECT * FROM " + table + " ORDER BY n").get()) {
            ClickHouseBinaryFormatReader reader = client.newBinaryFormatReader(response);
            while (reader.hasNext()) {
                reader.next();
                add(sum, read(reader));
                count[0]++;
            }
        }
        return sum.getValue();
    }

    /** Writes all rows and reads them back as they come; gives both checksums and the number of rows. */
    private static String roundTrip(Client client, String table, int rows) throws Exception {
        client.execute("CREATE TABLE " + table + " (" + COLUMNS + ") ENGINE = MergeTree ORDER BY n").get().close();
        client.register(Event.class, client.getTableSchema(table));
        CRC32 written = new CRC32();
        List<Event> events = new ArrayList<>();
        for (int n = 0; n < rows; n++) {
            Event event = nth(n);
            add(written, event);
            events.add(event);
        }
        long told;
        try (InsertResponse response = client.insert(table, events).get()) {
            told = response.getWrittenRows();
        }
        long[] count = {0};
        long read = readAll(client, table, count);
        return "{\"told\":" + told + ",\"rows\":" + count[0] + ",\"same\":" + (read == written.getValue()) + "}";
    }

    public static void main(String[] arguments) throws Exception {
        StringBuilder told = new StringBuilder("{");
        try (Client client = builder().build()) {
            told.append("\"ping\":").append(client.ping());
            client.loadServerInfo();
            told.append(",\"version\":\"").append(client.getServerVersion()).append('"');
            told.append(",\"default\":").append(roundTrip(client, "java_events", ROWS));
            try (Client other = builder().compressClientRequest(true).build()) {
                told.append(",\"blocks\":").append(roundTrip(other, "java_events_blocks", SOME));
            }
            // Its encoder of LZ4 frames takes minutes for what the others do in seconds.
            try (Client other = builder().compressClientRequest(true).useHttpCompression(true).build()) {
                told.append(",\"http\":").append(roundTrip(other, "java_events_http", SOME));
            }
            try (Records records = client.queryRecords("SELECT number, toString(number) AS text FROM numbers(1000)").get()) {
                long sum = 0;
                for (GenericRecord record : records) {
                    sum += record.getLong("number") + record.getString("text").length();
                }
                told.append(",\"records\":").append(sum);
            }
            List<GenericRecord> bound = client.queryAll("SELECT {a:String} AS a", Map.of("a", "it's \\\\ a"));
            told.append(",\"bound\":").append(bound.get(0).getString("a").length());
            byte[] lines = "1\n2\n3\n".getBytes(StandardCharsets.UTF_8);
            client.execute("CREATE TABLE java_lines (a UInt8) ENGINE = MergeTree ORDER BY a").get().close();
            client.insert("java_lines", new ByteArrayInputStream(lines), ClickHouseFormat.TSV).get().close();
            TableSchema schema = client.getTableSchema("java_lines");
            told.append(",\"columns\":").append(schema.getColumns().size());
            told.append(",\"lines\":").append(client.queryAll("SELECT count() AS n FROM java_lines").get(0).getLong("n"));

            told.append(",\"wrong\":").append(code(() -> client.query("SELECT nope FROM java_events").get()));
            told.append(",\"wrong_execute\":").append(code(() -> client.execute("DROP TABLE nowhere").get()));
            // This client knows an exception amid a result as a body that breaks off.
            String failing = "SELECT number, throwIf(number = 2900000, 'boom') FROM numbers(3000000)";
            told.append(",\"wrong_amid\":").append(code(() -> {
                try (QueryResponse response = client.query(failing).get()) {
                    ClickHouseBinaryFormatReader reader = client.newBinaryFormatReader(response);
                    while (reader.hasNext()) {
                        reader.next();
                    }
                }
                return null;
            }));
        }
        System.out.println(told.append('}'));
    }
}
