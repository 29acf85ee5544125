// Writes what Cassandra itself says of random values, for types_against_cassandra_test.cc, as lines with tabs between:
//   compare  TYPE  CQL  HEX  HEX  SIGN   (the sign of AbstractType.compare)
//   validate TYPE  HEX  0|1              (whether AbstractType.validate lets the bytes in)
//   print    TYPE  HEX  TEXT             (of decimals and varints)
//   token    HEX   TOKEN                 (of Murmur3Partitioner)
// Run with the jars of cassandra-all on the class path: java -cp 'lib/*' CassandraValues.java SEED COUNT
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.apache.cassandra.db.marshal.*;
import org.apache.cassandra.dht.Murmur3Partitioner;
import org.apache.cassandra.utils.ByteBufferUtil;

public class CassandraValues {
  static Random random;

  static final AbstractType<?>[] SIMPLE = {
      AsciiType.instance, LongType.instance, BytesType.instance, BooleanType.instance, SimpleDateType.instance,
      DecimalType.instance, DoubleType.instance, FloatType.instance, InetAddressType.instance, Int32Type.instance,
      ShortType.instance, UTF8Type.instance, TimeType.instance, TimestampType.instance, TimeUUIDType.instance,
      ByteType.instance, UUIDType.instance, IntegerType.instance, LexicalUUIDType.instance};

  static AbstractType<?> randomType(int depth) throws Exception {
    int kind = depth == 0 ? 0 : random.nextInt(8);
    switch (kind) {
      case 1: return ListType.getInstance(randomType(depth - 1), false);
      case 2: return SetType.getInstance(randomType(depth - 1), false);
      case 3: return MapType.getInstance(randomType(depth - 1), randomType(depth - 1), false);
      case 4: return new TupleType(types(depth));
      case 5: {
        List<AbstractType<?>> types = types(depth);
        List<org.apache.cassandra.cql3.FieldIdentifier> names = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) names.add(org.apache.cassandra.cql3.FieldIdentifier.forQuoted("f" + i));
        return new UserType("ks", ByteBufferUtil.bytes("Address"), names, types, false);
      }
      case 6: return VectorType.getInstance(randomType(depth - 1), 1 + random.nextInt(3));
      default: return SIMPLE[random.nextInt(SIMPLE.length)];
    }
  }

  static List<AbstractType<?>> types(int depth) throws Exception {
    List<AbstractType<?>> types = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) types.add(randomType(depth - 1));
    return types;
  }

  static byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    random.nextBytes(bytes);
    // Few different bytes, so that values are often alike in part.
    if (random.nextBoolean()) {
      for (int i = 0; i < size; i++) bytes[i] = new byte[] {0, 1, -1, 0x7f, (byte) 0x80, 'a'}[random.nextInt(6)];
    }
    return bytes;
  }

  static byte[] randomValue(AbstractType<?> type) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    boolean mayBeEmpty = !(type instanceof ShortType || type instanceof ByteType || type instanceof SimpleDateType
                           || type instanceof TimeType || type instanceof CollectionType || type instanceof VectorType);
    if (mayBeEmpty && random.nextInt(12) == 0) return new byte[0];
    if (type instanceof AsciiType) {
      for (int i = random.nextInt(5); i > 0; i--) out.write("\0\u0001ab\u007f".charAt(random.nextInt(5)));
    } else if (type instanceof UTF8Type) {
      String[] pieces = {"", "\0", "a", "b", "é", "世", "😀"};
      for (int i = random.nextInt(5); i > 0; i--) out.write(pieces[random.nextInt(pieces.length)].getBytes("UTF-8"));
    } else if (type instanceof BytesType) {
      out.write(bytes(random.nextInt(6)));
    } else if (type instanceof BooleanType || type instanceof ByteType) {
      out.write(bytes(1));
    } else if (type instanceof ShortType) {
      out.write(bytes(2));
    } else if (type instanceof Int32Type || type instanceof SimpleDateType) {
      out.write(bytes(4));
    } else if (type instanceof FloatType) {
      int[] special = {0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 1, 0x3f800000};
      out.writeInt(random.nextBoolean() ? special[random.nextInt(special.length)] : random.nextInt());
    } else if (type instanceof DoubleType) {
      double[] special = {0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1, -1};
      if (random.nextInt(5) == 0) out.writeLong(0xfff0000000000001L);
      else out.writeDouble(random.nextBoolean() ? special[random.nextInt(special.length)] : random.nextGaussian());
    } else if (type instanceof LongType || type instanceof TimestampType || type instanceof TimeType) {
      out.write(bytes(8));
    } else if (type instanceof TimeUUIDType) {
      byte[] uuid = bytes(16);
      uuid[6] = (byte) (0x10 | (uuid[6] & 0x0f));
      out.write(uuid);
    } else if (type instanceof UUIDType || type instanceof LexicalUUIDType) {
      byte[] uuid = bytes(16);
      if (random.nextBoolean()) uuid[6] = (byte) (0x10 | (uuid[6] & 0x0f));
      out.write(uuid);
    } else if (type instanceof InetAddressType) {
      out.write(bytes(random.nextBoolean() ? 4 : 16));
    } else if (type instanceof IntegerType) {
      out.write(bytes(1 + random.nextInt(random.nextInt(8) == 0 ? 140 : 4)));
    } else if (type instanceof DecimalType) {
      int[] scales = {0, 1, 2, -1, 7, -30, 30, Integer.MAX_VALUE, Integer.MIN_VALUE};
      out.writeInt(scales[random.nextInt(random.nextInt(4) == 0 ? scales.length : 7)]);
      if (random.nextBoolean()) out.write(BigInteger.valueOf(random.nextInt(3) - 1).multiply(BigInteger.TEN.pow(random.nextInt(30))).toByteArray());
      else out.write(bytes(1 + random.nextInt(12)));
    } else if (type instanceof ListType || type instanceof SetType) {
      AbstractType<?> element = type instanceof ListType ? ((ListType<?>) type).getElementsType() : ((SetType<?>) type).getElementsType();
      int n = random.nextInt(3);
      out.writeInt(n);
      for (int i = 0; i < n; i++) writeWithLength(out, randomValue(element));
    } else if (type instanceof MapType) {
      int n = random.nextInt(3);
      out.writeInt(n);
      for (int i = 0; i < n; i++) {
        writeWithLength(out, randomValue(((MapType<?, ?>) type).getKeysType()));
        writeWithLength(out, randomValue(((MapType<?, ?>) type).getValuesType()));
      }
    } else if (type instanceof TupleType) {
      List<AbstractType<?>> fields = ((TupleType) type).allTypes();
      int present = random.nextInt(fields.size() + 1);
      for (int i = 0; i < present; i++) {
        if (random.nextInt(3) == 0) out.writeInt(-1);
        else writeWithLength(out, randomValue(fields.get(i)));
      }
    } else if (type instanceof VectorType) {
      AbstractType<?> element = ((VectorType<?>) type).getElementsType();
      for (int i = 0; i < ((VectorType<?>) type).dimension; i++) {
        byte[] value = randomValue(element);
        if (element.isValueLengthFixed()) {
          while (value.length == 0) value = randomValue(element);
        } else {
          // The lengths here fit one byte of a vint, or two.
          if (value.length < 128) out.write(value.length);
          else out.writeShort(0x8000 | value.length);
        }
        out.write(value);
      }
    } else {
      throw new IllegalStateException(type.toString());
    }
    return bytes.toByteArray();
  }

  static void writeWithLength(DataOutputStream out, byte[] value) throws Exception {
    out.writeInt(value.length);
    out.write(value);
  }

  static String hex(byte[] bytes) {
    return bytes.length == 0 ? "-" : ByteBufferUtil.bytesToHex(ByteBuffer.wrap(bytes));
  }

  // A value with something changed, which may be one no longer.
  static byte[] damage(byte[] value) {
    byte[] damaged = java.util.Arrays.copyOf(value, Math.max(0, value.length - 1 + random.nextInt(3)));
    if (damaged.length > 0 && random.nextBoolean()) damaged[random.nextInt(damaged.length)] ^= 1 << random.nextInt(8);
    return damaged;
  }

  static boolean validates(AbstractType<?> type, byte[] value) {
    try {
      type.validate(ByteBuffer.wrap(value));
      return true;
    } catch (RuntimeException | AssertionError e) {
      return false;
    }
  }

  public static void main(String[] args) throws Exception {
    random = new Random(Long.parseLong(args[0]));
    int count = Integer.parseInt(args[1]);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < count; i++) {
      AbstractType<?> type = randomType(random.nextInt(4));
      byte[] a = randomValue(type);
      byte[] b = random.nextInt(10) == 0 ? a : randomValue(type);
      int order = Integer.signum(type.compare(ByteBuffer.wrap(a), ByteBuffer.wrap(b)));
      String name = type.toString();
      out.append("compare\t" + name + "\t" + type.asCQL3Type() + "\t" + hex(a) + "\t" + hex(b) + "\t" + order + "\n");
      byte[] c = damage(a);
      out.append("validate\t" + name + "\t" + hex(c) + "\t" + (validates(type, c) ? 1 : 0) + "\n");
      if (i % 4 == 0) {
        AbstractType<?> number = i % 8 == 0 ? DecimalType.instance : IntegerType.instance;
        byte[] d = randomValue(number);
        // Cassandra would write out a plain number of two billion zeros; its own toString does not.
        if (d.length > 0) out.append("print\t" + number + "\t" + hex(d) + "\t" + number.compose(ByteBuffer.wrap(d)) + "\n");
        byte[] key = bytes(random.nextInt(40));
        out.append("token\t" + hex(key) + "\t" + Murmur3Partitioner.instance.getToken(ByteBuffer.wrap(key)) + "\n");
      }
    }
    System.out.print(out);
  }
}
