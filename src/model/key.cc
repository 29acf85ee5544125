#include "model/key.h"

#include "base/check.h"

namespace braid {
namespace {

Error Malformed(const char* what, const Cursor& cursor) {
  return Corrupt(std::string(what) + " does not parse at its byte " + std::to_string(cursor.failed_offset()) + ": " +
                 cursor.reason());
}

}  // namespace

std::optional<ByteView> PartitionKeyReader::Next() {
  if (read_ == columns_ || !cursor_.ok()) return std::nullopt;
  ByteView value;
  if (columns_ == 1) {
    value = cursor_.Bytes(cursor_.remaining());
  } else {
    value = cursor_.Bytes(cursor_.U16());
    if (cursor_.U8() != 0) cursor_.Fail("a value does not end with 0");
  }
  ++read_;
  if (read_ == columns_ && !cursor_.AtEnd()) cursor_.Fail("bytes follow the last column's value");
  if (!cursor_.ok()) return std::nullopt;
  return value;
}

Status PartitionKeyReader::status() const {
  if (!cursor_.ok()) return Malformed("a partition key", cursor_);
  return {};
}

void AppendCompositeValue(ByteView value, std::string* raw) {
  CHECK(value.size() <= 0xFFFF);
  AppendBigEndian(raw, static_cast<uint16_t>(value.size()));
  raw->append(value);
  raw->push_back('\0');
}

std::optional<ClusteringReader::Value> ClusteringReader::Next() {
  if (cursor_.AtEnd()) return std::nullopt;
  Value value;
  const uint64_t length = cursor_.Vint();
  if (length == 0) {
    value.null = cursor_.ok();
  } else {
    value.bytes = cursor_.Bytes(length - 1);
  }
  if (!cursor_.ok()) return std::nullopt;
  return value;
}

Status ClusteringReader::status() const {
  if (!cursor_.ok()) return Malformed("clustering values", cursor_);
  return {};
}

}  // namespace braid
