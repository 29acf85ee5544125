// A Message as a record of a transport that lasts and that many write to. Layout: docs/formats/transport-record.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "transport/message/message.h"

namespace braid {

// A node's own id, which is the same to everyone; an index is one pipeline's, or one shard's.
using HostId = std::array<uint8_t, 16>;

struct TransportRecord {
  HostId host{};
  std::string label;  // the node's, of kProgress
  // All positions in it are of the node `host`: their index is 0, and SetNode sets it. A gap's id is of the node, too.
  Message message;
};

// Appends the record. Of kTransaction, kProgress, kTruncation, kGap and kRetired (CHECKed): definitions have a journal
// of their own, and snapshots are read where they are merged.
void AppendRecord(std::string* to, const HostId& host, std::string_view label, const Message& message);

// Reads exactly one record. Errors: kCorrupt, kUnsupported (version or kind).
Result<TransportRecord> DecodeRecord(ByteView bytes);

// Makes `node` the node of every position of the message. (Those within a transaction's bytes follow the message's:
// whoever decodes it sees to that.)
void SetNode(NodeIndex node, Message* message);

}  // namespace braid
