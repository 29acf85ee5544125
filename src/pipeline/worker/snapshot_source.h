// Within pipeline/worker: what one node has of a table, as its agent puts it into a topic.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/arena.h"
#include "base/result.h"
#include "codec/schema.h"
#include "pipeline/merge/piece_source.h"
#include "transport/kafka/consumer.h"

namespace braid {

class SnapshotSource : public PieceSource {
 public:
  struct Options {
    KafkaConsumer::Options consumer;
    KafkaOffset from;                     // of the node's topic
    uint64_t attempt = 0;                 // what is of another one is passed over
    std::string node;                     // its label
    const TableSchema* schema = nullptr;  // must outlive it, as all pointers here
    const SchemaLookup* schemas = nullptr;
    std::function<bool()> stop;                       // asked often: Next ends with kTransient then
    std::function<void(const std::string&)> waiting;  // told the node's label while Next waits, "" when it goes on
    std::function<void()> lacks;                      // told once something is missing before a piece
  };

  static Result<std::unique_ptr<SnapshotSource>> Open(Options options);

  // Waits as long as the agent takes. Errors: kTransient: stopped; or the node could not give everything, with the
  // agent's words; or the topic's retention was ahead of us.
  Result<const SstablePiece*> Next() override;
  Result<std::optional<uint64_t>> SkipDamage() override { return std::optional<uint64_t>(); }
  const std::string& name() const override { return options_.node; }
  uint64_t position() const override { return bytes_; }

 private:
  explicit SnapshotSource(Options options) : options_(std::move(options)) {}
  Result<const KafkaRecord*> NextRecord();
  Status TakePiece(ByteView bytes);

  const Options options_;
  std::unique_ptr<KafkaConsumer> consumer_;
  const KafkaBatch* batch_ = nullptr;
  size_t next_ = 0;
  bool ended_ = false;
  uint64_t bytes_ = 0;
  Arena arena_;
  SstablePiece piece_;
};

}  // namespace braid
