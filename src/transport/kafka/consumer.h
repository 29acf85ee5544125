// Reads records from Kafka: as a member of a consumer group, or partitions that the caller chooses.
//
// For one thread. Everything that happens comes out of Poll. Only committed records are seen. Reads nothing and commits
// nothing of its own accord: where reading begins is told with each partition, and where it stands is committed by a
// producer's transactions.
//
// In a group: Subscribe; then Poll tells which partitions are offered (kAssigned) and which are taken away (kRevoked,
// kLost). Answer with Add and Remove soon, for the group waits (other members' partitions too), and at the latest
// within max.poll.interval.ms. What is not ready to be read yet, because its state has to be fetched first, is added
// paused, from any offset, and later sent to its offset with Seek and Resume; Poll goes on meanwhile, else the group
// takes this consumer for dead.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "transport/kafka/group_metadata.h"
#include "transport/kafka/properties.h"

struct rd_kafka_message_s;

namespace braid {

// A record that was read. Views are of its batch.
struct KafkaRecord {
  std::string_view topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = 0;  // since 1970; -1 if it has none
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // none: a tombstone

  // The value of the last header of this name.
  std::optional<std::string_view> Header(const char* name) const;
  std::vector<KafkaHeader> Headers() const;

  rd_kafka_message_s* message = nullptr;  // librdkafka's, which holds the bytes
};

struct KafkaEvent {
  enum class Kind {
    kAssigned,  // `partitions` are offered: answer with Add
    kRevoked,   // `partitions` are wanted back: finish what is under way, then Remove
    kLost,      // `partitions` belong to another already: what is under way cannot be committed. Remove
    kEnd,  // partitions[0] has been read up to `offset`: the next record, if there is one, will be there or behind.
           // Said again each time that reading gets there. Records that are not records of the application's
           // (the marks that end transactions) are behind a last record; `offset` counts them
    kOutOfRange,  // partitions[0] has no record at the offset it was to be read from (retention, or a topic made anew):
                  // reading stops until Seek
    kError,       // something that goes away by itself, or `fatal`: this consumer is done, make another one
  };
  Kind kind = Kind::kError;
  std::vector<KafkaPartition> partitions;
  int64_t offset = 0;   // of kEnd
  bool fatal = false;   // of kError
  std::string message;  // of kError, kOutOfRange
};

// What one Poll gave. The events came after the records, and records of partitions that an event takes away are still
// good to be handled before it is answered.
struct KafkaBatch {
  std::vector<KafkaRecord> records;  // of each partition in the order of its offsets
  std::vector<KafkaEvent> events;
};

class KafkaConsumer {
 public:
  struct Options {
    KafkaProperties properties;
    std::string group;  // also of a reader that never subscribes: its name towards the broker
    // Bounds what was fetched ahead, librdkafka's overhead included; one fetched batch of records may go beyond it.
    uint64_t queue_bytes = 16 << 20;
    KafkaLog log;  // may be empty
  };

  struct Stats {
    uint64_t records = 0;
    uint64_t bytes = 0;      // of keys and values
    std::string last_error;  // what librdkafka said last, "" if nothing
    uint64_t errors = 0;
  };

  // Needs no broker. Errors: kInvalidArgument, a property that cannot be.
  static Result<std::unique_ptr<KafkaConsumer>> Open(Options options);

  // Closes, at most for some seconds.
  ~KafkaConsumer();
  KafkaConsumer(const KafkaConsumer&) = delete;
  KafkaConsumer& operator=(const KafkaConsumer&) = delete;

  // Becomes a member of the group (assignor: cooperative-sticky), and its partitions go to others 6 s after it was last
  // heard of (session.timeout.ms), or at once when it closes. Once.
  Status Subscribe(const std::vector<std::string>& topics);

  // Begins to read these partitions too, each from its offset (or kKafkaBeginning, kKafkaEnd); `paused`: not before
  // Resume. In a group: only what kAssigned offered, all of it. Needs no broker.
  Status Add(const std::vector<KafkaOffset>& from, bool paused = false);
  // Stops reading them; nothing of them comes out of Poll any more. In a group: what kRevoked or kLost named.
  Status Remove(const std::vector<KafkaPartition>& partitions);

  Status Pause(const std::vector<KafkaPartition>& partitions);
  Status Resume(const std::vector<KafkaPartition>& partitions);

  // The next record of a partition that was added is that at `to.offset`, or the first behind it. One that was paused
  // may go on by that: Resume it anyway. kTransient: could not be done now, do it again.
  Status Seek(const KafkaOffset& to);

  // The offset behind the last record that Poll gave of the partition; kKafkaNone if there is none.
  int64_t Position(const KafkaPartition& partition) const;

  // Waits up to `timeout_ms` for the first record or event, then takes what is there, up to `most_records`. The batch
  // and all views of it hold until the next Poll, or the consumer's end.
  const KafkaBatch& Poll(size_t most_records, int timeout_ms);

  // Where the group stands; kKafkaNone where nothing was committed. Only what is stable: while a transaction is open or
  // being committed that would move one of them, the broker is asked again until `timeout_ms` (then kTransient).
  // kTransient also when no broker answers.
  Result<std::vector<KafkaOffset>> Committed(const std::vector<KafkaPartition>& partitions, int timeout_ms);

  struct Watermarks {
    int64_t low = 0;   // of the first record there is
    int64_t high = 0;  // behind the last one that a reader of committed records may see
  };
  // Asks the broker. Errors: kTransient; kNotFound, no such topic or partition, or one that was just made, and
  // this broker has not heard of it yet.
  Result<Watermarks> QueryWatermarks(const KafkaPartition& partition, int timeout_ms);

  // Where the partition's readable records ended when the broker last sent some; kKafkaNone if it never did. Asks
  // nobody.
  int64_t KnownEnd(const KafkaPartition& partition) const;

  // The offset of the first record of each partition whose time is at least `time_ms`; kKafkaEnd if there is none.
  Result<std::vector<KafkaOffset>> OffsetsForTime(const std::vector<KafkaPartition>& partitions, int64_t time_ms,
                                                  int timeout_ms);

  // For KafkaProducer::SendOffsets: take it anew for each transaction.
  KafkaGroupMetadata GroupMetadata() const;

  // Leaves the group, so that others get its partitions now and not after session.timeout.ms, and ends all reading.
  // Waits up to `timeout_ms` for that. Nothing but the destructor may be called afterwards.
  void Close(int timeout_ms);

  Stats stats() const;

 private:
  struct Impl;
  explicit KafkaConsumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
