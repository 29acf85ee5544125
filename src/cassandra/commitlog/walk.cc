#include "cassandra/commitlog/walk.h"

#include <fmt/format.h>

#include <utility>

namespace braid {

namespace {

Status Tell(const LogVisitor& visitor, LogProblem problem) {
  if (visitor.on_problem(problem)) return {};
  return Corrupt(std::move(problem.message));
}

}  // namespace

Status WalkSegment(const ByteSource& source, NodeIndex node, const SegmentOptions& options, MutationDecoder* decoder,
                   const LogVisitor& visitor) {
  ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(source, options));
  const DeletionTimes times = reader.header().times();
  Position position{node, reader.header().id, 0};
  while (true) {
    ASSIGN_OR_RETURN(const SegmentReader::Answer answer, reader.Next());
    switch (answer) {
      case SegmentReader::Answer::kEnd:
        return {};
      case SegmentReader::Answer::kTorn:
      case SegmentReader::Answer::kCorrupt: {
        const bool torn = answer == SegmentReader::Answer::kTorn;
        TRY(Tell(visitor, {.kind = torn ? LogProblem::Kind::kTorn : LogProblem::Kind::kCorrupt,
                           .message = reader.damage().Describe(source.name()),
                           .lost_bytes = reader.damage().lost_bytes,
                           .position = position}));
        if (torn) return {};
        continue;
      }
      case SegmentReader::Answer::kEntry:
        break;
    }
    position.offset = reader.end_offset();
    const Result<const DecodedMutation*> decoded = decoder->Decode(reader.payload(), times, position);
    if (!decoded) {
      TRY(Tell(visitor, {.kind = LogProblem::Kind::kCorrupt,
                         .message = fmt::format("{}: the entry that ends at logical offset {}: {}", source.name(),
                                                position.offset, decoded.error().message),
                         .lost_bytes = reader.payload().size(),
                         .position = position}));
      continue;
    }
    const DecodedMutation& mutation = **decoded;
    if (mutation.unread) {
      TRY(Tell(visitor, {.kind = LogProblem::Kind::kUnread,
                         .message = fmt::format("{}: the entry that ends at logical offset {}: {}", source.name(),
                                                position.offset, mutation.unread->Describe()),
                         .lost_bytes = mutation.unread->bytes.size(),
                         .position = position,
                         .unread = &*mutation.unread}));
    }
    visitor.on_mutation(mutation, reader.payload());
  }
}

}  // namespace braid
