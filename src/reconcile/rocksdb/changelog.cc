#include "reconcile/rocksdb/changelog.h"

#include "base/cursor.h"
#include "codec/version.h"
#include "reconcile/rocksdb/layout.h"

namespace braid {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

std::string ChangelogMarkKey(uint32_t shard) {
  std::string key(1, kMarkKey);
  AppendBigEndian(&key, shard);
  return key;
}

std::string EncodeChangelogMark(ByteView mark) {
  std::string value(1, static_cast<char>(kVersion));
  value += mark;
  return value;
}

Result<ByteView> DecodeChangelogMark(ByteView value) {
  Cursor from(value);
  TRY(ReadVersion(&from, kVersion, "mark of a changelog"));
  return value.substr(1);
}

}  // namespace braid
