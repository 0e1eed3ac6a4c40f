// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/**
 * Random messages, headers and record batches as Kafka's own classes write them, for walk_file.c to read.
 *
 * <p>usage: java -cp 'build/kafka/lib/*' Generate.java FILE SEED
 *
 * <p>A class has a schema for every version, which says what that version has and what may be null; the fields of the
 * object are filled by it. The file is a row of entries: their size (4 bytes), their kind (1 byte), and what the
 * methods below write. The last has the number of those before it.
 */
public final class Generate {
    private static final ApiKeys[] WALKED = {
        ApiKeys.PRODUCE, ApiKeys.FETCH, ApiKeys.METADATA, ApiKeys.FIND_COORDINATOR, ApiKeys.SASL_HANDSHAKE,
        ApiKeys.API_VERSIONS, ApiKeys.CREATE_TOPICS, ApiKeys.DELETE_TOPICS, ApiKeys.DELETE_RECORDS,
        ApiKeys.END_TXN, ApiKeys.SASL_AUTHENTICATE, ApiKeys.DESCRIBE_CLUSTER, ApiKeys.DESCRIBE_TOPIC_PARTITIONS, ApiKeys.SHARE_FETCH, ApiKeys.SHARE_ACKNOWLEDGE,
    };
    /** Fields that are marked wherever they stand; walk_file.c has the same list. */
    private static final List<String> COUNTED = List.of(
        "host", "port", "cluster_id", "topic_id", "records", "replica_id", "fetch_offset", "aborted_transactions",
        "acquired_records");
    private static final int MESSAGES_A_VERSION = 12;
    private static final int UNKNOWN_TAG = 100;

    private final Random random;
    private final DataOutputStream out;
    private int entries = 0;
    private final short[] counts = new short[COUNTED.size()];

    private Generate(DataOutputStream out, long seed) {
        this.out = out;
        this.random = new Random(seed);
    }

    public static void main(String[] arguments) throws Exception {
        try (var file = new BufferedOutputStream(Files.newOutputStream(Path.of(arguments[0])))) {
            var out = new DataOutputStream(file);
            new Generate(out, Long.parseLong(arguments[1])).all();
            out.flush();
        }
    }

    private void all() throws Exception {
        for (ApiKeys api : ApiKeys.values()) {
            headers(api);
        }
        for (ApiKeys api : WALKED) {
            messages('Q', api, api.messageType.requestSchemas(), api.messageType.newRequest().getClass());
            messages('R', api, api.messageType.responseSchemas(), api.messageType.newResponse().getClass());
        }
        for (CompressionType codec : CompressionType.values()) {
            batches(codec);
        }
        entry('E', ByteBuffer.allocate(4).putInt(entries).flip());
    }

    private void entry(char kind, ByteBuffer... parts) throws IOException {
        int size = 1;
        for (ByteBuffer part : parts) {
            size += part.remaining();
        }
        out.writeInt(size);
        out.writeByte(kind);
        for (ByteBuffer part : parts) {
            byte[] bytes = new byte[part.remaining()];
            part.get(bytes);
            out.write(bytes);
        }
        entries++;
    }

    private static ByteBuffer place(ApiKeys api, short version) {
        return ByteBuffer.allocate(4).putShort(api.id).putShort(version).flip();
    }

    private static ByteBuffer written(Message message, short version) {
        return MessageUtil.toByteBufferAccessor(message, version).buffer();
    }

    /** V: api key, version, header version of request and response. H: api key, version, a request header. */
    private void headers(ApiKeys api) throws Exception {
        for (short version : api.allVersions()) {
            byte[] versions = {(byte) api.requestHeaderVersion(version), (byte) api.responseHeaderVersion(version)};
            entry('V', place(api, version), ByteBuffer.wrap(versions));
            var header = new RequestHeaderData();
            fill(header, RequestHeaderData.SCHEMAS[versions[0]]);
            header.setRequestApiKey(api.id).setRequestApiVersion(version);
            entry('H', place(api, version), written(header, versions[0]));
        }
    }

    /** Q, R: api key, version, how often each of COUNTED is there (2 bytes each), the body of a request or response. */
    private void messages(char kind, ApiKeys api, Schema[] schemas, Class<?> type) throws Exception {
        for (short version : api.allVersions()) {
            for (int i = 0; i < MESSAGES_A_VERSION; i++) {
                Message message = (Message) make(type);
                Arrays.fill(counts, (short) 0);
                fill(message, schemas[version]);
                ByteBuffer bytes = written(message, version);
                Message again = (Message) make(type);
                again.read(new ByteBufferAccessor(bytes.duplicate()), version);
                if (!again.equals(message)) {
                    throw new IllegalStateException(api + " version " + version + " does not survive its own class");
                }
                ByteBuffer counted = ByteBuffer.allocate(2 * counts.length);
                counted.asShortBuffer().put(counts);
                entry(kind, place(api, version), counted, bytes);
            }
        }
    }

    private static Object make(Class<?> type) throws Exception {
        Constructor<?> constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    private void fill(Object object, Schema schema) throws Exception {
        for (BoundField field : schema.fields()) {
            if (field.def.type instanceof TaggedFields tags) {
                fillTags(object, tags);
            } else {
                set(object, field.def.name, field.def.type, false);
            }
        }
    }

    private void fillTags(Object object, TaggedFields tags) throws Exception {
        for (var tag : new TreeMap<>(tags.fields()).values()) {
            if (random.nextInt(3) > 0) {
                set(object, tag.name, tag.type, true);
            }
        }
        for (int i = random.nextInt(3); i > 0; i--) {
            ((Message) object).unknownTaggedFields().add(new RawTaggedField(UNKNOWN_TAG * (3 - i), bytes(10)));
        }
    }

    /** A tagged field that is null by default is left out when it is null. */
    private void set(Object object, String schemaName, Type type, boolean tagged) throws Exception {
        Field field = object.getClass().getDeclaredField(camel(schemaName));
        field.setAccessible(true);
        Object value = value(type, field.getType(), field.getGenericType());
        field.set(object, value);
        boolean leftOut = tagged && value == null;
        if (COUNTED.contains(schemaName) && !leftOut) {
            counts[COUNTED.indexOf(schemaName)]++;
        }
    }

    private static String camel(String schemaName) {
        var name = new StringBuilder();
        for (String word : schemaName.split("_")) {
            name.append(name.isEmpty() ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.toString();
    }

    private Object value(Type type, Class<?> java, java.lang.reflect.Type generic) throws Exception {
        if (type.isNullable() && random.nextInt(4) == 0) {
            return null;
        }
        if (type.isArray()) {
            return array(type.arrayElementType().get(), java, generic);
        }
        if (type instanceof Schema schema) {
            Object struct = make(java);
            fill(struct, schema);
            return struct;
        }
        return simple(java);
    }

    private Object simple(Class<?> java) {
        if (java == boolean.class) {
            return random.nextBoolean();
        } else if (java == byte.class || java == Byte.class) {
            return (byte) random.nextInt();
        } else if (java == short.class || java == Short.class) {
            return (short) random.nextInt();
        } else if (java == int.class || java == Integer.class) {
            return random.nextInt();
        } else if (java == long.class || java == Long.class) {
            return random.nextLong();
        } else if (java == Uuid.class) {
            return new Uuid(random.nextLong(), random.nextLong());
        } else if (java == String.class) {
            return text();
        } else if (java == byte[].class) {
            return bytes(40);
        } else if (java == ByteBuffer.class) {
            return ByteBuffer.wrap(bytes(40));
        } else if (BaseRecords.class.isAssignableFrom(java)) {
            return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(300)));
        }
        throw new IllegalStateException("no value for " + java);
    }

    /** Lists, and the collections with keys that some messages have, whose element is their own type argument. */
    @SuppressWarnings("unchecked")
    private Object array(Type element, Class<?> java, java.lang.reflect.Type generic) throws Exception {
        boolean list = java == List.class;
        var collection = (Collection<Object>) (list ? new ArrayList<>() : make(java));
        var argument = (ParameterizedType) (list ? generic : java.getGenericSuperclass());
        var elementClass = (Class<?>) argument.getActualTypeArguments()[0];
        for (int i = random.nextInt(random.nextInt(20) == 0 ? 20 : 4); i > 0; i--) {
            collection.add(value(element, elementClass, null));
        }
        return collection;
    }

    private byte[] bytes(int sizeMax) {
        byte[] bytes = new byte[random.nextInt(sizeMax + 1)];
        random.nextBytes(bytes);
        return bytes;
    }

    private String text() {
        int size = random.nextInt(random.nextInt(10) == 0 ? 200 : 12);
        var text = new StringBuilder();
        for (int i = 0; i < size; i++) {
            text.append("abcxyz019-._äß€".charAt(random.nextInt(15)));
        }
        return text.toString();
    }

    /** B: number of records, bytes of all keys, values and headers, the batch. */
    private void batches(CompressionType codec) throws Exception {
        for (int count : new int[] {1, 2, 17, 3000}) {
            var records = new SimpleRecord[count];
            int bytes = 0;
            for (int i = 0; i < count; i++) {
                records[i] = record();
                bytes += records[i].key() == null ? 0 : records[i].key().remaining();
                bytes += records[i].value() == null ? 0 : records[i].value().remaining();
                for (Header header : records[i].headers()) {
                    bytes += header.key().getBytes(StandardCharsets.UTF_8).length;
                    bytes += header.value() == null ? 0 : header.value().length;
                }
            }
            ByteBuffer batch = MemoryRecords.withRecords(Compression.of(codec).build(), records).buffer();
            entry('B', ByteBuffer.allocate(8).putInt(count).putInt(bytes).flip(), batch);
        }
    }

    private SimpleRecord record() {
        var headers = new Header[random.nextInt(3)];
        for (int i = 0; i < headers.length; i++) {
            headers[i] = new RecordHeader(text(), random.nextInt(4) == 0 ? null : bytes(20));
        }
        byte[] key = random.nextInt(3) == 0 ? null : text().getBytes(StandardCharsets.UTF_8);
        String text = text().repeat(1 + random.nextInt(9));
        byte[] value = random.nextInt(5) == 0 ? null : text.getBytes(StandardCharsets.UTF_8);
        return new SimpleRecord(1_700_000_000_000L + random.nextInt(100_000), key, value, headers);
    }
}
