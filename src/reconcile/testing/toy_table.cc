#include "reconcile/testing/toy_table.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "base/vint.h"

namespace braid::testing {
namespace {

std::string Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

int64_t Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

// "set<text>" -> "text", if the text is of the type constructor `name`.
bool Inner(std::string_view text, std::string_view name, std::string_view* inner) {
  if (!text.starts_with(name) || text.size() <= name.size() || text[name.size()] != '<') return false;
  CHECK(text.back() == '>');
  *inner = text.substr(name.size() + 1, text.size() - name.size() - 2);
  return true;
}

Column ParseColumn(std::string_view text) {
  Column column;
  const std::vector<std::string> words = Split(text, ' ');
  CHECK(words.size() >= 2);
  column.name = words[0];
  column.type = ParseType(words[1]);
  for (size_t i = 2; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "key") {
      column.kind = ColumnKind::kPartitionKey;
    } else if (word == "clustering") {
      column.kind = ColumnKind::kClustering;
    } else if (word == "static") {
      column.kind = ColumnKind::kStatic;
    } else {
      column.dropped = word.starts_with("dropped@");
      CHECK(column.dropped || word.starts_with("since@"));
      column.dropped_at = WriteTime{Number(std::string_view(word).substr(word.find('@') + 1))};
    }
  }
  return column;
}

// One component: a byte that no cut's end reaches, then bytes whose order is the values'.
std::string Component(const Type& type, std::string_view text) {
  std::string bytes = ValueBytes(type, text);
  if (type.kind == TypeKind::kText) return '\x40' + bytes + '\0';
  bytes[0] = static_cast<char>(bytes[0] ^ '\x80');
  return '\x40' + bytes;
}

std::string Prefix(const TableSchema& schema, const std::vector<std::string>& values) {
  CHECK(values.size() <= schema.clustering.size());
  std::string key;
  for (size_t i = 0; i < values.size(); ++i) key += Component(*schema.column(schema.clustering[i]).type, values[i]);
  return key;
}

// The next `i32 length` and bytes of a frozen value, as text.
std::string NextText(Cursor* from, const Type& type) {
  const int32_t size = from->I32();
  return size < 0 ? "null" : ValueText(type, from->Bytes(static_cast<uint64_t>(size)));
}

}  // namespace

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  int depth = 0;
  size_t from = 0;
  const auto add = [&](size_t to) {
    std::string part = Trim(text.substr(from, to - from));
    if (!part.empty()) parts.push_back(std::move(part));
    from = to + 1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::string_view("<[{(").find(text[i]) != std::string_view::npos) ++depth;
    if (std::string_view(">]})").find(text[i]) != std::string_view::npos) --depth;
    if (text[i] == separator && depth == 0) add(i);
  }
  add(text.size());
  return parts;
}

TypePtr ParseType(std::string_view text) {
  if (text == "int") return SimpleType(TypeKind::kInt);
  if (text == "bigint") return SimpleType(TypeKind::kBigint);
  if (text == "text") return SimpleType(TypeKind::kText);
  if (text == "counter") return SimpleType(TypeKind::kCounter);
  std::string_view inner;
  if (Inner(text, "frozen", &inner)) {
    Type frozen = *ParseType(inner);
    frozen.frozen = true;
    return std::make_shared<const Type>(std::move(frozen));
  }
  if (Inner(text, "list", &inner)) return ListOf(ParseType(inner), false);
  if (Inner(text, "set", &inner)) return SetOf(ParseType(inner), false);
  if (Inner(text, "map", &inner)) {
    const std::vector<std::string> args = Split(inner, ',');
    CHECK(args.size() == 2);
    return MapOf(ParseType(args[0]), ParseType(args[1]), false);
  }
  CHECK(Inner(text, "udt", &inner));
  Type udt;
  udt.kind = TypeKind::kUdt;
  udt.name = "toy";
  for (const std::string& field : Split(inner, ',')) {
    udt.field_names.push_back("f" + std::to_string(udt.args.size()));
    udt.args.push_back(ParseType(field));
  }
  return std::make_shared<const Type>(std::move(udt));
}

TableSchemaPtr ParseTable(std::string_view text) {
  auto schema = std::make_shared<TableSchema>();
  const size_t open = text.find('(');
  CHECK(open != std::string_view::npos && text.back() == ')');
  schema->keyspace = "toys";
  schema->table = Trim(text.substr(0, open));
  schema->id = SchemaId{Hash64(text)};
  schema->cdc = true;
  std::string id(16, '\0');
  StoreBigEndian(id.data(), Hash64(schema->table));
  schema->table_id = TableId::FromBytes(id);
  for (const std::string& part : Split(text.substr(open + 1, text.size() - open - 2), ',')) {
    Column column = ParseColumn(part);
    column.id.value = static_cast<uint16_t>(schema->columns.size());
    if (column.type->kind == TypeKind::kCounter) schema->counter = true;
    schema->columns.push_back(std::move(column));
  }
  schema->IndexColumns();
  return schema;
}

std::string ValueBytes(const Type& type, std::string_view text) {
  std::string bytes;
  switch (type.kind) {
    case TypeKind::kInt:
      AppendBigEndian(&bytes, static_cast<int32_t>(Number(text)));
      break;
    case TypeKind::kBigint:
      AppendBigEndian(&bytes, Number(text));
      break;
    default:
      CHECK(type.kind == TypeKind::kText);
      bytes = text;
  }
  return bytes;
}

std::string ValueText(const Type& type, ByteView bytes) {
  Cursor from(bytes);
  std::string text;
  const auto add = [&](const std::string& item) { text += (text.size() > 1 ? ", " : "") + item; };
  switch (type.kind) {
    case TypeKind::kInt:
      return std::to_string(from.I32());
    case TypeKind::kBigint:
    case TypeKind::kCounter:
      return std::to_string(from.I64());
    case TypeKind::kText:
      return std::string(bytes);
    case TypeKind::kUdt:
      text = "(";
      for (const TypePtr& field : type.args) add(NextText(&from, *field));
      return text + ")";
    default:
      break;
  }
  text = type.kind == TypeKind::kList ? "[" : "{";
  const int32_t size = from.I32();
  for (int32_t i = 0; i < size; ++i) {
    std::string item = NextText(&from, *type.args[0]);
    if (type.kind == TypeKind::kMap) item += ": " + NextText(&from, *type.args[1]);
    add(item);
  }
  CHECK(from.ok() && from.AtEnd());
  return text + (type.kind == TypeKind::kList ? "]" : "}");
}

std::string RowKey(const TableSchema& schema, const std::vector<std::string>& values) {
  CHECK(values.size() == schema.clustering.size());
  return Prefix(schema, values);
}

std::string Clustering(const TableSchema& schema, const std::vector<std::string>& values) {
  std::string bytes;
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string value = ValueBytes(*schema.column(schema.clustering[i]).type, values[i]);
    AppendVint(&bytes, value.size() + 1);
    bytes += value;
  }
  return bytes;
}

std::string CutBefore(const TableSchema& schema, const std::vector<std::string>& values) {
  return Prefix(schema, values);
}
std::string CutAfter(const TableSchema& schema, const std::vector<std::string>& values) {
  return Prefix(schema, values) + '\xff';
}

std::string KeyText(const TableSchema& schema, ByteView partition_key, ByteView clustering) {
  std::string text = ValueText(*schema.column(schema.partition_key[0]).type, partition_key);
  Cursor from(clustering);
  for (size_t i = 0; !from.AtEnd(); ++i) {
    const ByteView value = from.Bytes(from.Vint() - 1);
    text += "/" + ValueText(*schema.column(schema.clustering[i]).type, value);
  }
  return text;
}

}  // namespace braid::testing
