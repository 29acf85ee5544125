#include "codec/gap.h"

#include <limits>

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/parts.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kVersion = 1;
constexpr const char* kWhat = "gap";

constexpr uint8_t kOpen = 0x80;

}  // namespace

void AppendGap(std::string* to, const Gap& gap) {
  to->push_back(static_cast<char>(kVersion));
  AppendVint(to, gap.id);
  to->push_back(static_cast<char>(static_cast<uint8_t>(gap.reason) | (gap.open ? kOpen : 0)));
  AppendVint(to, gap.node.value);
  codec::AppendPosition(to, gap.from);
  codec::AppendPosition(to, gap.to);
  codec::AppendVintBytes(to, gap.table);
  codec::AppendVintBytes(to, gap.detail);
  AppendSignedVint(to, gap.seen_at.us);
}

Result<Gap> DecodeGap(ByteView bytes) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kVersion, kWhat));
  Gap gap;
  gap.id = from.Vint();
  const uint8_t head = from.U8();
  const uint8_t reason = head & ~kOpen;
  if (reason > static_cast<uint8_t>(GapReason::kRetired)) from.Fail("there is no such reason");
  gap.reason = static_cast<GapReason>(reason);
  gap.open = (head & kOpen) != 0;
  const uint64_t node = from.Vint();
  if (node > std::numeric_limits<uint16_t>::max()) from.Fail("a node's index is too large");
  gap.node = NodeIndex{static_cast<uint16_t>(node)};
  gap.from = codec::ReadPosition(&from);
  gap.to = codec::ReadPosition(&from);
  gap.table = from.VintBytes();
  gap.detail = from.VintBytes();
  gap.seen_at = WriteTime{from.SignedVint()};
  TRY(FinishRecord(&from, kWhat));
  return gap;
}

}  // namespace braid
