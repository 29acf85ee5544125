// Writes records to Kafka: idempotent, or transactional if it has a transactional id.
//
// For one thread. librdkafka's own threads send what was produced; whatever they have to say comes out of the calls
// below. Records of one partition reach the broker in the order of Produce, each once, also when brokers die between.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "transport/kafka/group_metadata.h"
#include "transport/kafka/properties.h"

namespace braid {

// How a step of a transaction ended. Each kind is a different thing to do next.
struct [[nodiscard]] KafkaTransactionResult {
  enum class Kind {
    kOk,
    kAgain,  // nothing has been decided (no broker yet): call the same again
    kAbort,  // the transaction cannot be committed, and is not: Abort, then begin a new one
    kRenew,  // this producer is done (fenced, or a record was refused), or nobody knows how the transaction ended:
             // destroy it, open another one with the same transactional id, whose Init ends what was begun here, and
             // find out from the group's committed offsets (KafkaConsumer::Committed) whether the transaction counts
  };
  Kind kind = Kind::kOk;
  std::string message;  // why; "" of kOk

  bool ok() const { return kind == Kind::kOk; }
};

class KafkaProducer {
 public:
  struct Options {
    KafkaProperties properties;  // may override linger.ms, batch.size (at most the topics' max.message.bytes), …
    // Empty: idempotent only, and a record waits for its broker for ever (message.timeout.ms 0).
    std::string transactional_id;
    // After so long the broker aborts a transaction by itself. Until then, what a dead worker left open hides all later
    // records of its partitions from readers, and its group's committed offsets with them.
    int transaction_timeout_ms = 60'000;
    // Bounds what was produced and is not acknowledged yet, librdkafka's overhead included.
    uint64_t queue_bytes = 16 << 20;
    // Records wait so long for others that share their batch, unless it is full, or Flush, Commit or a full queue sends
    // them off. Who flushes what must go takes a long time: see Flush.
    int linger_ms = 1'000;
    KafkaLog log;  // may be empty
  };

  struct Stats {
    uint64_t produced = 0;      // records taken by Produce
    uint64_t acked = 0;         // of these, acknowledged by the broker and all replicas in sync
    uint64_t failed = 0;        // of these, given up: purged by Abort, or refused by the broker
    uint64_t queued = 0;        // of these, neither yet
    uint64_t queued_bytes = 0;  // what those take, as Options::queue_bytes counts
    std::string last_error;     // what librdkafka said last, "" if nothing: why nothing moves while no broker answers
    uint64_t errors = 0;
  };

  // Needs no broker. Errors: kInvalidArgument, a property that cannot be.
  static Result<std::unique_ptr<KafkaProducer>> Open(Options options);

  // Drops what is not acknowledged. Takes a moment, whether a broker answers or not.
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Copies a record into the queue. False if the queue is full: Poll, and try again. No `value` is a tombstone.
  // `timestamp_ms` since 1970; 0: now. The topic exists; its metadata are fetched when it is first named, until when
  // its records wait. Errors: kInvalidArgument, this record can never be produced (larger than message.max.bytes, no
  // such partition); kTransient, no record can: the transaction must be aborted, or failed().
  Result<bool> Produce(const std::string& topic, int32_t partition, std::optional<std::string_view> key,
                       std::optional<std::string_view> value, std::span<const KafkaHeader> headers = {},
                       int64_t timestamp_ms = 0);

  // Takes in what brokers acknowledged, waiting up to `timeout_ms` for some of it. An error, once failed().
  Status Poll(int timeout_ms);

  // Waits until everything is acknowledged. kTransient if that took longer than `timeout_ms`, or failed(). Cheap only
  // if nothing was due before: from when a record has lingered until the one before it in its partition is
  // acknowledged, a thread of librdkafka (2.12.1) does nothing but look, on a whole processor.
  Status Flush(int timeout_ms);

  // Whether this producer can do nothing any more (fenced by another with its transactional id, lost step with the
  // broker, or a record of an idempotent producer was refused, so that the next would leave a gap): Poll says why.
  // Make another one and produce again what was not acknowledged; a broker may have kept it.
  bool failed() const;

  // How many records of a partition were produced, and how many of them, counted from the first, are acknowledged:
  // what was produced as the n-th is safe once Acked >= n. In a transaction: safe if it is committed.
  uint64_t Produced(const std::string& topic, int32_t partition) const;
  uint64_t Acked(const std::string& topic, int32_t partition) const;
  // The offset of the last one acknowledged; kKafkaNone if there is none.
  int64_t LastAckedOffset(const std::string& topic, int32_t partition) const;

  Stats stats() const;

  // The rest is for transactional producers. Init, once, ends what a producer with the same transactional id left open
  // and fences it; then Begin, Produce…, SendOffsets, and Commit or Abort, over and over. Every call waits at most
  // about its timeout (SendOffsets: or socket.timeout.ms, 10 s unless the properties set it, if a broker has stopped
  // answering); within it, what is worth trying again is.

  // kOk, kAgain or kRenew.
  KafkaTransactionResult Init(int timeout_ms);

  // kOk; kRenew if failed(), or if a request that ended the last transaction may still be under way: it could end this
  // one (Jepsen's analysis of Bufstream 0.1.0).
  KafkaTransactionResult Begin();

  // Commits, with the transaction, where reading goes on; the offset is that of the last record consumed, plus one.
  // `group` is the consumer's own, taken after its last Poll: the broker refuses it if the consumer has lost its place
  // in the group meanwhile (KIP-447). kOk, kAbort or kRenew.
  KafkaTransactionResult SendOffsets(const std::vector<KafkaOffset>& offsets, const KafkaGroupMetadata& group,
                                     int timeout_ms);

  // Waits for the acknowledgement of everything produced, then commits. kOk: readers see all of it. kAbort: none of it
  // can ever be seen. kRenew: either. Gives at least half of `timeout_ms` to each of the two steps.
  KafkaTransactionResult Commit(int timeout_ms);

  // kOk: nothing of it will ever be seen. kRenew: the same, once another producer's Init has ended.
  KafkaTransactionResult Abort(int timeout_ms);

 private:
  struct Impl;
  explicit KafkaProducer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
