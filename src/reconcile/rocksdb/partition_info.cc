#include "reconcile/rocksdb/partition_info.h"

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/row_state.h"

namespace braid {
namespace {

constexpr uint8_t kHasHeader = 1;
constexpr uint8_t kHasDue = 2;
constexpr uint8_t kHasRows = 4;

}  // namespace

void AppendPartitionInfo(std::string* to, const PartitionInfo& info) {
  to->push_back(static_cast<char>((info.has_header ? kHasHeader : 0) | (info.first_due.never() ? 0 : kHasDue) |
                                  (info.has_rows ? kHasRows : 0)));
  if (!info.first_due.never()) AppendSignedVint(to, info.first_due.s);
  if (info.has_header) {
    std::string header;
    AppendPartitionHeader(&header, info.header);
    AppendVint(to, header.size());
    *to += header;
  }
  *to += info.row;
}

Result<PartitionInfo> ReadPartitionInfo(ByteView bytes, Arena* arena) {
  Cursor from(bytes);
  PartitionInfo info;
  const uint8_t flags = from.U8();
  if ((flags & kHasDue) != 0) info.first_due.s = from.SignedVint();
  info.has_rows = (flags & kHasRows) != 0;
  info.has_header = (flags & kHasHeader) != 0;
  const ByteView header = info.has_header ? from.VintBytes() : ByteView();
  info.row = from.Bytes(from.remaining());
  if (!from.ok()) return Corrupt("a partition's record ends too early");
  if (info.has_header) {
    ASSIGN_OR_RETURN(info.header, DecodePartitionHeader(header, arena));
  }
  return info;
}

}  // namespace braid
