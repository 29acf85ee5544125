#include "codec/version.h"

#include <fmt/format.h>

namespace braid {

Status ReadVersion(Cursor* from, uint8_t newest, const char* what) {
  const uint8_t version = from->U8();
  if (!from->ok()) return CorruptRecord(*from, what);
  if (version > newest) {
    return Unsupported(
        fmt::format("{}: has version {}, and this program reads up to {}: use a newer braid", what, version, newest));
  }
  if (version == 0) return Corrupt(fmt::format("{}: has version 0, which was never written", what));
  return {};
}

Status ReadMagic(Cursor* from, ByteView magic, uint8_t newest, const char* what) {
  if (from->Bytes(magic.size()) != magic) return Corrupt(fmt::format("{}: does not begin with \"{}\"", what, magic));
  return ReadVersion(from, newest, what);
}

Error CorruptRecord(const Cursor& cursor, const char* what) {
  return Corrupt(fmt::format("{}: damaged at byte {}: {}", what, cursor.failed_offset(), cursor.reason()));
}

Status FinishRecord(Cursor* cursor, const char* what) {
  if (cursor->ok() && !cursor->AtEnd()) cursor->Fail("bytes follow the record's end");
  if (!cursor->ok()) return CorruptRecord(*cursor, what);
  return {};
}

}  // namespace braid
