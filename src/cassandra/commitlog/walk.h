// Goes through all mutations of one segment: SegmentReader and MutationDecoder put together, for those who read a log
// from its beginning to its end. The very path that replay uses.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/byte_source.h"
#include "base/result.h"
#include "cassandra/commitlog/mutation_decoder.h"
#include "cassandra/commitlog/segment_reader.h"
#include "model/position.h"

namespace braid {

// Something in a segment that could not be given.
struct LogProblem {
  enum class Kind : uint8_t {
    kTorn,     // the rest of the file was never finished; nothing follows
    kCorrupt,  // bytes are damaged; reading can go on behind them
    kUnread,   // a table or column is unknown (see `unread`); reading can go on
  };
  Kind kind = Kind::kCorrupt;
  std::string message;                 // with file and offset
  uint64_t lost_bytes = 0;             // of the file or, for kUnread, of the mutation
  Position position;                   // of the last entry before it; for kUnread of the entry itself
  const UnreadPart* unread = nullptr;  // of kUnread only; valid during the call
};

struct LogVisitor {
  // A mutation and the payload that it was read from. Both are valid during the call only. It is called too for
  // mutations of which nothing was wanted or readable, with what there is.
  std::function<void(const DecodedMutation& mutation, ByteView payload)> on_mutation;
  // Whether to go on. For kUnread it comes before the mutation's on_mutation.
  std::function<bool(const LogProblem& problem)> on_problem;
};

// Reads `source` from its beginning. Errors: those of SegmentReader::Open and Next; kCorrupt with the problem's message
// if on_problem said to stop.
Status WalkSegment(const ByteSource& source, NodeIndex node, const SegmentOptions& options, MutationDecoder* decoder,
                   const LogVisitor& visitor);

}  // namespace braid
