#include "transport/message/record.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/gap.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kVersion = 1;
constexpr const char* kWhat = "transport record";

// The kinds' numbers in the record.
constexpr uint8_t kTransaction = 1;
constexpr uint8_t kProgress = 2;
constexpr uint8_t kTruncation = 3;
constexpr uint8_t kGap = 4;
constexpr uint8_t kRetired = 5;

constexpr uint8_t kAgain = 1;

uint8_t NumberOf(Message::Kind kind) {
  switch (kind) {
    case Message::Kind::kTransaction:
      return kTransaction;
    case Message::Kind::kProgress:
      return kProgress;
    case Message::Kind::kTruncation:
      return kTruncation;
    case Message::Kind::kGap:
      return kGap;
    case Message::Kind::kRetired:
      return kRetired;
    default:
      CHECK(false);
      return 0;
  }
}

void AppendPlace(std::string* to, const Position& position) {
  AppendSignedVint(to, position.segment.value);
  AppendVint(to, position.offset);
}

Position ReadPlace(Cursor* from) {
  Position position;
  position.segment.value = from->SignedVint();
  position.offset = from->Vint();
  return position;
}

ByteView ViewOf(const HostId& host) {
  return {reinterpret_cast<const char*>(host.data()), host.size()};
}

// Two nodes may find a gap at the same place of their logs.
uint64_t IdAt(uint64_t id, const HostId& host) {
  std::string named;
  AppendBigEndian<uint64_t>(&named, id);
  named.append(ViewOf(host));
  return Hash64(named) | 1;
}

}  // namespace

void AppendRecord(std::string* to, const HostId& host, std::string_view label, const Message& message) {
  to->push_back(static_cast<char>(kVersion));
  to->push_back(static_cast<char>(NumberOf(message.kind)));
  to->append(ViewOf(host));
  AppendPlace(to, message.position);
  switch (message.kind) {
    case Message::Kind::kTransaction:
      to->push_back(static_cast<char>(message.again ? kAgain : 0));
      AppendSignedVint(to, message.taken_in_us);
      to->append(message.bytes);
      return;
    case Message::Kind::kProgress:
      AppendSignedVint(to, message.time.us);
      AppendVint(to, label.size());
      to->append(label);
      return;
    case Message::Kind::kTruncation:
      to->append(message.table.view());
      AppendPlace(to, message.cut);
      AppendSignedVint(to, message.time.us);
      return;
    case Message::Kind::kGap:
      AppendGap(to, message.gap);
      return;
    default:
      return;
  }
}

Result<TransportRecord> DecodeRecord(ByteView bytes) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kVersion, kWhat));
  TransportRecord record;
  Message& message = record.message;
  const uint8_t kind = from.U8();
  const ByteView host = from.Bytes(record.host.size());
  message.position = ReadPlace(&from);
  if (!from.ok()) return CorruptRecord(from, kWhat);
  std::ranges::copy(host, record.host.begin());
  switch (kind) {
    case kTransaction:
      message.kind = Message::Kind::kTransaction;
      message.again = (from.U8() & kAgain) != 0;
      message.taken_in_us = from.SignedVint();
      message.bytes = from.Bytes(from.remaining());
      break;
    case kProgress:
      message.kind = Message::Kind::kProgress;
      message.time.us = from.SignedVint();
      record.label = from.VintBytes();
      break;
    case kTruncation: {
      message.kind = Message::Kind::kTruncation;
      const ByteView table = from.Bytes(sizeof(TableId));
      if (from.ok()) message.table = TableId::FromBytes(table);
      message.cut = ReadPlace(&from);
      message.time.us = from.SignedVint();
      break;
    }
    case kGap: {
      message.kind = Message::Kind::kGap;
      ASSIGN_OR_RETURN(message.gap, DecodeGap(from.Bytes(from.remaining())));
      message.gap.id = IdAt(message.gap.id, record.host);
      SetNode({}, &message);
      break;
    }
    case kRetired:
      message.kind = Message::Kind::kRetired;
      break;
    default:
      return Error{ErrorCode::kUnsupported,
                   "a transport record of a kind that this Braid does not know; a newer one "
                   "wrote it: upgrade the workers before the agents"};
  }
  TRY(FinishRecord(&from, kWhat));
  return record;
}

void SetNode(NodeIndex node, Message* message) {
  message->position.node = message->cut.node = node;
  message->gap.node = message->gap.from.node = message->gap.to.node = node;
}

}  // namespace braid
