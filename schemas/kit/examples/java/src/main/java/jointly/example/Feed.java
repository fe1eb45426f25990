package jointly.example;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Hears a sector's feed from Kafka: signs in, reads in order, does the work once, and only then says that it has it.
 *
 * <pre>
 * JOINTLY_BOOTSTRAP=broker:9093 JOINTLY_USERNAME=health-system JOINTLY_PASSWORD=… \
 * JOINTLY_TOPIC=health-feed JOINTLY_GROUP=health-warehouse java -cp 'target/classes:target/lib/*' jointly.example.Feed
 * </pre>
 *
 * Stop it with Ctrl-C or SIGTERM, start it again, start three: nothing is lost, and nothing is done twice.
 */
public final class Feed {
    private static final int REFUSED = 3;

    private Feed() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> env = System.getenv();
        Thread reading = Thread.currentThread();
        try (Heard heard = new Heard(Path.of(env.getOrDefault("JOINTLY_STORE", "heard.jsonl")));
                KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings(env))) {
            // SIGTERM arrives in a thread of its own: it wakes the reader, and waits until that has said goodbye.
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try {
                    reading.join(Duration.ofSeconds(10).toMillis());
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            }));
            consumer.subscribe(List.of(env.get("JOINTLY_TOPIC")));
            read(consumer, heard);
        } catch (WakeupException asked) {
            // Told to stop.
        } catch (AuthorizationException refused) {
            System.err.println("not-authorised: this principal may not read here (" + refused.getMessage() + ")");
            // Not exit(): the hook would wait for this thread, and this thread for the hook.
            Runtime.getRuntime().halt(REFUSED);
        }
    }

    private static void read(KafkaConsumer<byte[], byte[]> consumer, Heard heard) throws IOException {
        while (true) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
            for (TopicPartition partition : records.partitions()) {
                List<ConsumerRecord<byte[], byte[]>> inOrder = records.records(partition);
                // One after the other: everything of one case lies in one partition, in its order.
                for (ConsumerRecord<byte[], byte[]> record : inOrder) {
                    heard.take(attribute(record, "id"), attribute(record, "subject"), attribute(record, "type"),
                            record.value());
                }
                // After the work, never before. If we die in between, the same comes again, and Heard knows it.
                long next = inOrder.get(inOrder.size() - 1).offset() + 1;
                consumer.commitSync(Map.of(partition, new OffsetAndMetadata(next)));
            }
        }
    }

    /** A record in binary mode: attributes are headers that begin with ce_, the value is the data. */
    private static String attribute(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader("ce_" + name);
        return header == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
    }

    private static Properties settings(Map<String, String> env) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", env.get("JOINTLY_BOOTSTRAP"));
        settings.put("group.id", env.get("JOINTLY_GROUP"));
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("security.protocol", env.getOrDefault("JOINTLY_SECURITY", "SASL_SSL"));
        settings.put("sasl.mechanism", "SCRAM-SHA-512");
        settings.put("sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";"
                        .formatted(quoted(env.get("JOINTLY_USERNAME")), quoted(env.get("JOINTLY_PASSWORD"))));
        settings.put("auto.offset.reset", "earliest"); // the first time: from the beginning of what is kept
        settings.put("enable.auto.commit", "false"); // we say ourselves how far we are
        return settings;
    }

    private static String quoted(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }
}
