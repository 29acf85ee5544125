#include "capture/kafka/kafka_schema_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "capture/kafka/journal_record.h"
#include "transport/kafka/consumer.h"
#include "transport/kafka/producer.h"

namespace braid {
namespace {

// A definition is larger only if it has thousands of columns.
constexpr size_t kRecordBytes = 512 << 10;
constexpr const char* kMostRecordBytes = "8388608";
constexpr size_t kMostRecordsAPoll = 1000;
constexpr int kPollMs = 50;

class KafkaJournal : public SchemaJournal {
 public:
  explicit KafkaJournal(KafkaSchemaJournalOptions options) : options_(std::move(options)) {
    if (options_.properties.Get("message.max.bytes").empty()) {
      options_.properties.Set("message.max.bytes", kMostRecordBytes);
    }
  }

  // Makes what is not there of its clients.
  Status OpenConsumer();
  Status OpenProducer();

  bool shared() const override { return true; }
  Result<std::vector<SchemaRecord>> ReadNew() override;
  Result<std::vector<SchemaRecord>> ReadArrived() override;
  Status Append(const std::vector<SchemaRecord>& records) override;

 private:
  KafkaPartition partition() const { return {options_.topic, 0}; }
  // Where the topic ends now. Errors: a topic that does not begin at its beginning.
  Result<int64_t> FindEnd();
  // Takes in what comes within `timeout_ms`.
  Status Poll(int timeout_ms);
  Status TakeRecord(const KafkaRecord& record);
  Status TakeEvent(const KafkaEvent& event);
  Status AppendOne(const std::string& value);
  Error Lost(int64_t offset, const std::string& what) const;
  Error Unreachable(const std::string& what) const;
  // Keeps an error that trying again does not cure.
  Error Latch(Error error) {
    failed_ = error;
    return error;
  }

  KafkaSchemaJournalOptions options_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<KafkaProducer> producer_;
  int64_t next_ = 0;                   // the offset of the record that comes next
  std::vector<SchemaRecord> arrived_;  // and not given yet
  std::optional<Error> failed_;
};

Error KafkaJournal::Lost(int64_t offset, const std::string& what) const {
  return Corrupt(fmt::format(
      "topic {}, offset {}: {}; the column ids that all state rests on are in this topic: bring its records "
      "back (its retention.ms and retention.bytes must be -1 and its cleanup.policy delete), or begin anew "
      "with another pipeline name",
      options_.topic, offset, what));
}

Error KafkaJournal::Unreachable(const std::string& what) const {
  return {ErrorCode::kTransient, fmt::format("topic {} at {}: {}; what is known of the schema stands, and it is tried "
                                             "again",
                                             options_.topic, options_.properties.brokers(), what)};
}

Status KafkaJournal::OpenConsumer() {
  if (consumer_ != nullptr) return {};
  ASSIGN_OR_RETURN(auto consumer,
                   KafkaConsumer::Open(
                       {.properties = options_.properties, .group = options_.topic + ".reader", .log = options_.log}));
  TRY(consumer->Add({{options_.topic, 0, next_}}));
  consumer_ = std::move(consumer);
  return {};
}

Status KafkaJournal::OpenProducer() {
  if (producer_ != nullptr) return {};
  ASSIGN_OR_RETURN(
      producer_, KafkaProducer::Open(
                     {.properties = options_.properties, .transactional_id = "", .linger_ms = 0, .log = options_.log}));
  return {};
}

Result<std::vector<SchemaRecord>> KafkaJournal::ReadArrived() {
  if (failed_.has_value()) return *failed_;
  TRY(OpenConsumer());
  TRY(Poll(0));
  return std::exchange(arrived_, {});
}

Result<std::vector<SchemaRecord>> KafkaJournal::ReadNew() {
  if (failed_.has_value()) return *failed_;
  TRY(OpenConsumer());
  ASSIGN_OR_RETURN(const int64_t end, FindEnd());
  // Waiting is counted, since no clock is read here: a poll that brings nothing has waited.
  for (int waited_ms = 0; next_ < end;) {
    if (waited_ms >= options_.timeout_ms) {
      return Unreachable(fmt::format("the records {} to {} have not come in {} ms", next_, end - 1, waited_ms));
    }
    const int64_t before = next_;
    TRY(Poll(kPollMs));
    if (next_ == before) waited_ms += kPollMs;
  }
  return std::exchange(arrived_, {});
}

Result<int64_t> KafkaJournal::FindEnd() {
  auto marks = consumer_->QueryWatermarks(partition(), options_.timeout_ms);
  // Brokers hear of a topic that was just made one after another.
  for (int waited_ms = 0; next_ == 0 && !marks.has_value() && marks.error().code == ErrorCode::kNotFound &&
                          waited_ms < options_.timeout_ms;
       waited_ms += kPollMs) {
    TRY(Poll(kPollMs));
    marks = consumer_->QueryWatermarks(partition(), options_.timeout_ms);
  }
  if (!marks.has_value()) return marks.error();
  if (next_ < marks->low) return Latch(Lost(next_, fmt::format("the topic begins at offset {} only", marks->low)));
  if (next_ > marks->high) {
    return Latch(Lost(next_, fmt::format("the topic ends at offset {}, before what was read of it: it was made anew or "
                                         "has lost its end",
                                         marks->high)));
  }
  return marks->high;
}

Status KafkaJournal::Poll(int timeout_ms) {
  const KafkaBatch& batch = consumer_->Poll(kMostRecordsAPoll, timeout_ms);
  for (const KafkaRecord& record : batch.records) {
    const Status taken = TakeRecord(record);
    if (!taken.has_value()) return Latch(taken.error());
  }
  Status status;
  for (const KafkaEvent& event : batch.events) {
    Status taken = TakeEvent(event);
    if (!taken.has_value()) status = std::move(taken);
  }
  return status;
}

Status KafkaJournal::TakeRecord(const KafkaRecord& record) {
  if (record.offset < next_) return {};
  if (!record.value.has_value()) return Lost(record.offset, "the record has no value");
  std::vector<SchemaRecord> records;
  const Status decoded = DecodeJournalRecord(*record.value, &records);
  if (!decoded.has_value()) {
    if (decoded.error().code != ErrorCode::kUnsupported) return Lost(record.offset, decoded.error().message);
    return decoded.error().At(fmt::format("topic {}, offset {}", options_.topic, record.offset));
  }
  arrived_.insert(arrived_.end(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
  next_ = record.offset + 1;
  return {};
}

Status KafkaJournal::TakeEvent(const KafkaEvent& event) {
  switch (event.kind) {
    case KafkaEvent::Kind::kEnd:
      // Behind the last record there may be marks that are none.
      next_ = std::max(next_, event.offset);
      return {};
    case KafkaEvent::Kind::kOutOfRange:
      return Latch(Lost(next_, event.message));
    default:
      if (!event.fatal) return {};  // goes away by itself, or ReadNew finds that nothing comes
      consumer_.reset();
      return Unreachable(event.message);
  }
}

Status KafkaJournal::Append(const std::vector<SchemaRecord>& records) {
  if (failed_.has_value()) return *failed_;
  std::string value;
  for (const SchemaRecord& record : records) {
    AppendToJournalRecord(record, &value);
    if (value.size() < kRecordBytes && &record != &records.back()) continue;
    TRY(AppendOne(value));
    value.clear();
  }
  return {};
}

// One at a time, so that nothing stands in the topic without what was appended before it.
Status KafkaJournal::AppendOne(const std::string& value) {
  TRY(OpenProducer());
  // What an Append that gave up has left is still on its way; more must not pile up behind it.
  Status written = producer_->Flush(options_.timeout_ms);
  if (written.has_value()) {
    const Result<bool> taken = producer_->Produce(options_.topic, 0, std::nullopt, value);
    if (!taken.has_value()) {
      written = taken.error();
    } else if (!*taken) {
      written = Unreachable("there is no room for what is to be written");
    } else {
      written = producer_->Flush(options_.timeout_ms);
    }
  }
  // Once given up it does not recover; whether the record was written, ReadNew will show.
  if (producer_->failed()) producer_.reset();
  return written;
}

}  // namespace

Result<std::unique_ptr<SchemaJournal>> OpenKafkaSchemaJournal(KafkaSchemaJournalOptions options) {
  auto journal = std::make_unique<KafkaJournal>(std::move(options));
  TRY(journal->OpenConsumer());
  return std::unique_ptr<SchemaJournal>(std::move(journal));
}

KafkaTopic SchemaJournalTopic(const std::string& name, int replication) {
  return {.name = name,
          .partitions = 1,
          .replication = replication,
          .configs = {{"cleanup.policy", "delete"},
                      {"retention.ms", "-1"},
                      {"retention.bytes", "-1"},
                      {"max.message.bytes", kMostRecordBytes}}};
}

}  // namespace braid
