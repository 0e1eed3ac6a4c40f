// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Apache Kafka's own Java client behind the contract of tests/clients/README.md. */
public final class Driver {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16), false);
    private static final String NAME = "java";

    private final int number;
    private final JsonNode job;
    private int exit = 0;

    private Driver(int number, JsonNode job) {
        this.number = number;
        this.job = job;
    }

    public static void main(String[] arguments) throws Exception {
        String verb = arguments.length == 1 ? arguments[0] : "";
        switch (verb) {
            case "produce":
            case "consume":
                System.exit(run(verb, JSON.readTree(System.in)));
                break;
            case "serve":
                serve();
                break;
            default:
                System.err.println("usage: java produce|consume|serve < jobs.json");
                System.exit(2);
        }
    }

    private static void serve() throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode request = JSON.readTree(line);
            int exit = run(request.path("verb").asText(), request);
            print(JSON.createObjectNode().put("done", exit));
        }
    }

    private static int run(String verb, JsonNode request) {
        List<JsonNode> jobs = new ArrayList<>();
        if (request.has("jobs")) request.get("jobs").forEach(jobs::add);
        else jobs.add(request);
        int worst = 0;
        for (int i = 0; i < jobs.size(); i++) {
            Driver driver = new Driver(i, jobs.get(i));
            driver.runOne(verb);
            worst = Math.max(worst, driver.exit);
        }
        return worst;
    }

    private void runOne(String verb) {
        try {
            if (verb.equals("produce")) produce();
            else if (flag("share")) consumeShare();
            else consume();
        } catch (Exception e) {
            fail(e);
        }
        print(line().put("exit", exit));
    }

    /* Producing */

    private void produce() throws Exception {
        Map<String, Object> settings = common();
        settings.put("key.serializer", ByteArraySerializer.class);
        settings.put("value.serializer", ByteArraySerializer.class);
        settings.put("acks", job.path("acks").asText("all"));
        settings.put("compression.type", job.path("compression").asText("none"));
        settings.remove("default.api.timeout.ms");
        settings.put("max.block.ms", timeoutMs());
        settings.put("delivery.timeout.ms", timeoutMs());
        settings.put("linger.ms", 0);
        if (job.hasNonNull("idempotent")) settings.put("enable.idempotence", flag("idempotent"));
        if (job.hasNonNull("transactional_id")) settings.put("transactional.id", job.get("transactional_id").asText());
        copy(settings, "linger_ms", "linger.ms");
        copy(settings, "batch_bytes", "batch.size");
        copy(settings, "max_request_bytes", "max.request.size");
        if (flag("one_batch") || job.hasNonNull("batch_records")) {
            settings.put("linger.ms", Math.max(0, timeoutMs() - 10_000));
            settings.putIfAbsent("batch.size", 8 << 20);
        }
        nativeSettings(settings);

        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            int index = 0;
            if (!job.hasNonNull("transactions")) {
                send(producer, job.path("records"), index);
                return;
            }
            producer.initTransactions();
            for (JsonNode transaction : job.get("transactions")) {
                producer.beginTransaction();
                index = send(producer, transaction.path("records"), index);
                if (transaction.path("commit").asBoolean()) producer.commitTransaction();
                else producer.abortTransaction();
            }
        }
    }

    private int send(KafkaProducer<byte[], byte[]> producer, JsonNode records, int index) {
        int group = job.path("batch_records").asInt(Integer.MAX_VALUE);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : records) {
            sent.add(producer.send(producerRecord(record)));
            if (sent.size() % group == 0) producer.flush();
        }
        producer.flush();
        for (Future<RecordMetadata> future : sent) answer(future, index++);
        return index;
    }

    private ProducerRecord<byte[], byte[]> producerRecord(JsonNode record) {
        ProducerRecord<byte[], byte[]> made = new ProducerRecord<>(
            job.path("topic").asText(),
            record.hasNonNull("partition") ? record.get("partition").asInt() : null,
            record.hasNonNull("timestamp") ? record.get("timestamp").asLong() : null,
            bytes(record.path("key")),
            bytes(record.path("value")));
        for (JsonNode header : record.path("headers")) made.headers().add(header.get(0).asText(), bytes(header.get(1)));
        return made;
    }

    private void answer(Future<RecordMetadata> future, int index) {
        try {
            RecordMetadata made = future.get();
            print(line().put("index", index).put("partition", made.partition()).put("offset", made.offset()));
        } catch (ExecutionException e) {
            exit = 3;
            print(error(e.getCause()).put("index", index));
        } catch (InterruptedException e) {
            throw new KafkaException(e);
        }
    }

    /* Consuming */

    private void consume() throws Exception {
        Map<String, Object> settings = consumerSettings();
        boolean grouped = job.hasNonNull("group");
        settings.put("enable.auto.commit", false);
        settings.put("isolation.level", job.path("isolation").asText("read_uncommitted"));
        settings.put("auto.offset.reset", grouped && job.path("start").isTextual() ? job.get("start").asText() : "earliest");
        if (!grouped) settings.put("auto.offset.reset", "none");
        if (grouped) settings.put("group.protocol", job.path("group_protocol").asText("classic"));
        nativeSettings(settings);

        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings);
        try {
            if (grouped) consumer.subscribe(List.of(job.path("topic").asText()));
            else assign(consumer);
            boolean ready = false;
            Progress progress = new Progress();
            while (progress.wanting()) {
                progress.took(consumer.poll(Duration.ofMillis(100)));
                if (progress.mustSeek()) {
                    consumer.seek(new TopicPartition(job.path("topic").asText(), 0), job.at("/seek/to").asLong());
                }
                if (!ready && !consumer.assignment().isEmpty()) {
                    consumer.assignment().forEach(consumer::position);
                    print(line().put("ready", true));
                    ready = true;
                }
            }
            if (grouped && job.path("commit").asBoolean(true)) consumer.commitSync(Duration.ofMillis(timeoutMs()));
        } finally {
            consumer.close(CloseOptions.timeout(Duration.ofSeconds(5)));
        }
    }

    private void assign(KafkaConsumer<byte[], byte[]> consumer) {
        List<TopicPartition> partitions = partitions(consumer);
        consumer.assign(partitions);
        JsonNode start = job.path("start");
        if (start.isObject()) {
            start.properties().forEach(e ->
                consumer.seek(new TopicPartition(job.path("topic").asText(), Integer.parseInt(e.getKey())), e.getValue().asLong()));
        } else if (start.isNumber()) {
            seekToTime(consumer, partitions, start.asLong());
        } else if (start.asText("earliest").equals("latest")) {
            consumer.seekToEnd(partitions);
        } else {
            consumer.seekToBeginning(partitions);
        }
    }

    private List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer) {
        String topic = job.path("topic").asText();
        List<TopicPartition> found = new ArrayList<>();
        if (job.path("start").isObject()) {
            job.get("start").fieldNames().forEachRemaining(name -> found.add(new TopicPartition(topic, Integer.parseInt(name))));
        } else {
            consumer.partitionsFor(topic).forEach(info -> found.add(new TopicPartition(topic, info.partition())));
        }
        return found;
    }

    private static void seekToTime(KafkaConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions, long time) {
        Map<TopicPartition, OffsetAndTimestamp> found =
            consumer.offsetsForTimes(partitions.stream().collect(Collectors.toMap(p -> p, p -> time)));
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        for (TopicPartition partition : partitions) {
            OffsetAndTimestamp at = found.get(partition);
            consumer.seek(partition, at != null ? at.offset() : ends.get(partition));
        }
    }

    private void consumeShare() throws Exception {
        Map<String, Object> settings = consumerSettings();
        nativeSettings(settings);
        try (KafkaShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(settings)) {
            consumer.subscribe(List.of(job.path("topic").asText()));
            print(line().put("ready", true));
            Progress progress = new Progress();
            while (progress.wanting()) progress.took(consumer.poll(Duration.ofMillis(100)));
            consumer.commitSync(Duration.ofMillis(timeoutMs()));
        }
    }

    private Map<String, Object> consumerSettings() throws IOException {
        Map<String, Object> settings = common();
        settings.put("key.deserializer", ByteArrayDeserializer.class);
        settings.put("value.deserializer", ByteArrayDeserializer.class);
        if (job.hasNonNull("group")) settings.put("group.id", job.get("group").asText());
        copy(settings, "fetch_min_bytes", "fetch.min.bytes");
        copy(settings, "fetch_max_bytes", "fetch.max.bytes");
        copy(settings, "partition_max_bytes", "max.partition.fetch.bytes");
        copy(settings, "max_wait_ms", "fetch.max.wait.ms");
        copy(settings, "max_poll_records", "max.poll.records");
        return settings;
    }

    /** Says when a consumer may stop: enough records, silence after the last one, or no time left. */
    private final class Progress {
        private final long start = System.nanoTime();
        private long last = start;
        private int records = 0;
        private boolean sought = false;

        /** Once, when as many records have come as the job says. */
        boolean mustSeek() {
            if (sought || !job.hasNonNull("seek") || records < job.at("/seek/after").asInt()) return false;
            sought = true;
            return true;
        }

        boolean wanting() {
            if (job.hasNonNull("count") && records >= job.get("count").asInt()) return false;
            if (!job.hasNonNull("count") && records > 0 && sinceMs(last) > job.path("idle_ms").asInt(1500)) return false;
            if (sinceMs(start) < timeoutMs()) return true;
            exit = 3;
            print(line().put("error", "TIMEOUT").put("code", -1).put("message", records + " records before the time ran out"));
            return false;
        }

        void took(ConsumerRecords<byte[], byte[]> batch) {
            for (ConsumerRecord<byte[], byte[]> record : batch) {
                printRecord(record);
                records++;
                last = System.nanoTime();
            }
        }

        private long sinceMs(long then) {
            return (System.nanoTime() - then) / 1_000_000;
        }
    }

    private void printRecord(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode made = line()
            .put("partition", record.partition())
            .put("offset", record.offset())
            .put("timestamp", record.timestamp())
            .put("timestamp_type", record.timestampType() == TimestampType.LOG_APPEND_TIME ? "append" : "create")
            .put("key", base64(record.key()))
            .put("value", base64(record.value()));
        for (Header header : record.headers()) made.withArray("headers").addArray().add(header.key()).add(base64(header.value()));
        if (!made.has("headers")) made.putArray("headers");
        print(made);
    }

    /* Settings */

    private Map<String, Object> common() throws IOException {
        JsonNode client = job.path("client");
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", job.path("bootstrap").asText());
        settings.put("client.id", client.path("id").asText("test-java"));
        settings.put("security.protocol", client.path("security").asText("plaintext").toUpperCase());
        settings.put("reconnect.backoff.max.ms", 500);
        settings.put("default.api.timeout.ms", timeoutMs());
        settings.put("request.timeout.ms", Math.min(timeoutMs(), 10_000));
        if (client.hasNonNull("ca")) {
            settings.put("ssl.truststore.type", "PEM");
            settings.put("ssl.truststore.certificates", Files.readString(Path.of(client.get("ca").asText())));
        }
        if (client.hasNonNull("certificate")) {
            settings.put("ssl.keystore.type", "PEM");
            settings.put("ssl.keystore.certificate.chain", Files.readString(Path.of(client.get("certificate").asText())));
            settings.put("ssl.keystore.key", Files.readString(Path.of(client.get("key").asText())));
        }
        if (!client.path("verify_hostname").asBoolean(true)) settings.put("ssl.endpoint.identification.algorithm", "");
        if (client.hasNonNull("mechanism")) {
            settings.put("sasl.mechanism", client.get("mechanism").asText());
            settings.put("sasl.jaas.config", jaas(client));
        }
        return settings;
    }

    private static String jaas(JsonNode client) {
        String mechanism = client.get("mechanism").asText();
        String user = client.path("username").asText();
        String module = "org.apache.kafka.common.security.";
        if (mechanism.equals("OAUTHBEARER"))
            return module + "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"" + user + "\";";
        module += mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
        return module + " required username=\"" + user + "\" password=\"" + client.path("password").asText() + "\""
            + (client.path("token").asBoolean() ? " tokenauth=\"true\";" : ";");
    }

    private void nativeSettings(Map<String, Object> settings) {
        job.path("client").path("native").path(NAME).properties()
            .forEach(e -> settings.put(e.getKey(), e.getValue().asText()));
    }

    private void copy(Map<String, Object> settings, String from, String to) {
        if (job.hasNonNull(from)) settings.put(to, job.get(from).asInt());
    }

    private boolean flag(String name) {
        return job.path(name).asBoolean();
    }

    private int timeoutMs() {
        return job.path("timeout_ms").asInt(20_000);
    }

    /* Answers */

    /* A consumer reports most refusals of a fetch without the error that the broker gave. */
    private static final Pattern UNEXPECTED = Pattern.compile("Unexpected error code (\\d+)");
    private static final Pattern PARTITION = Pattern.compile("partition \\S+-(\\d+)");

    private void fail(Exception e) {
        exit = 3;
        print(error(e));
    }

    private ObjectNode error(Throwable e) {
        Errors known = errorOf(e);
        String text = String.valueOf(e.getMessage());
        ObjectNode made = line()
            .put("error", known != null ? known.name() : e.getClass().getSimpleName())
            .put("code", known != null ? known.code() : -1)
            .put("message", e.getClass().getSimpleName() + ": " + text);
        Matcher matcher = PARTITION.matcher(text);
        if (matcher.find()) made.put("partition", Integer.parseInt(matcher.group(1)));
        return made;
    }

    private static Errors errorOf(Throwable e) {
        for (Throwable at = e; at != null; at = at.getCause()) {
            String text = String.valueOf(at.getMessage());
            Matcher unexpected = UNEXPECTED.matcher(text);
            if (unexpected.find()) return Errors.forCode(Short.parseShort(unexpected.group(1)));
            if (text.contains("corrupt message")) return Errors.CORRUPT_MESSAGE;
            Errors known = Errors.forException(at);
            if (known != Errors.UNKNOWN_SERVER_ERROR) return known;
        }
        return null;
    }

    private ObjectNode line() {
        return JSON.createObjectNode().put("job", number);
    }

    private static void print(ObjectNode line) {
        OUT.println(line.toString());
        if (line.has("ready") || line.has("exit") || line.has("done") || line.has("error")) OUT.flush();
    }

    private static byte[] bytes(JsonNode text) {
        return text == null || text.isNull() || text.isMissingNode() ? null : Base64.getDecoder().decode(text.asText());
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }
}
