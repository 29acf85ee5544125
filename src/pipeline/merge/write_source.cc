#include "pipeline/merge/write_source.h"

#include <array>
#include <utility>

#include "codec/mutation.h"
#include "pipeline/merge/join.h"
#include "pipeline/spill/ordered_key.h"
#include "reconcile/lww/merge.h"

namespace braid {

using internal::JoinRanges;
using internal::JoinRow;
using internal::OtherSide;

namespace {

// A record of the sorter is one part of a mutation: the partition's deletion and its static row, or one range, or one
// row. Its key: token, partition key, kPartition; or kInside, the range's start or the row's key, kRange or kRow. Its
// value: a mutation of that part alone. So a row comes behind all ranges that may reach it.
constexpr char kPartition = 0;
constexpr char kInside = 1;
constexpr char kRange = 0;
constexpr char kRow = 1;

// Of writes that the memory given could not hold a few of (a single value may be of many megabytes): the memory for
// sorting those, which is not taken unless there are any.
constexpr size_t kMemoryForLarge = 128 << 20;
constexpr size_t kShareOfLarge = 4;

// Two sorted lists as one.
class BothRecords : public SortedRecords {
 public:
  BothRecords(std::unique_ptr<SortedRecords> one, std::unique_ptr<SortedRecords> other)
      : lists_{std::move(one), std::move(other)} {}

  Result<bool> Next() override {
    for (size_t i = 0; i < lists_.size(); ++i) {
      if (i == taken_ || !begun_) {
        ASSIGN_OR_RETURN(more_[i], lists_[i]->Next());
      }
    }
    begun_ = true;
    if (!more_[0] && !more_[1]) return false;
    taken_ = !more_[0] || (more_[1] && lists_[1]->key() < lists_[0]->key()) ? 1 : 0;
    record_ = {lists_[taken_]->key(), lists_[taken_]->value()};
    return true;
  }

 private:
  std::array<std::unique_ptr<SortedRecords>, 2> lists_;
  std::array<bool, 2> more_{};
  bool begun_ = false;
  size_t taken_ = 0;
};

// Where a part of a partition begins, as the end of what comes before it.
Bound BeginOf(const Mutation& part) {
  if (part.ranges.empty() && part.rows.empty()) return {};
  if (!part.ranges.empty()) return OtherSide(part.ranges.front().start);
  const RowUpdate& row = part.rows.front();
  return {.cut = row.key,
          .values = row.clustering,
          .size = static_cast<uint16_t>(part.schema->clustering.size()),
          .inclusive = false};
}

// Reads back what was sorted.
class WriteSource : public PieceSource {
 public:
  WriteSource(std::string name, TableSchemaPtr schema, const WriteSorter::Options& options,
              std::unique_ptr<SortedRecords> records)
      : name_(std::move(name)),
        schema_(std::move(schema)),
        piece_rows_(options.piece_rows),
        piece_bytes_(options.piece_bytes),
        records_(std::move(records)) {
    schemas_.Add(schema_);
  }

  Result<const SstablePiece*> Next() override;
  Result<std::optional<uint64_t>> SkipDamage() override { return std::optional<uint64_t>(); }
  const std::string& name() const override { return name_; }

 private:
  // Goes to the next record, if there is one.
  Status Advance();
  // Learns the partition of the current record. False if there is none.
  Result<bool> BeginPartition();
  bool InPartition() const;
  // Takes a part of the partition into the piece.
  Status TakePart(const Mutation& part);
  // Makes one list of the ranges of the piece, up to `cut`; what is beyond is carried over. nullptr: all.
  void TakeRanges(const Bound* cut);

  const std::string name_;
  TableSchemaPtr schema_;
  SchemaSet schemas_;
  const size_t piece_rows_;
  const size_t piece_bytes_;
  std::unique_ptr<SortedRecords> records_;
  bool begun_ = false;
  bool at_record_ = false;

  // The partition under way.
  bool in_partition_ = false;
  std::string prefix_;  // that the keys of its records have
  std::string key_;
  Token token_;
  // What is left of ranges that reached beyond the last piece, with the memory of that and the one before.
  std::vector<RangeDeletion> carried_;
  std::array<Arena, 2> carry_memory_;
  size_t carry_turn_ = 0;

  // The piece under way.
  SstablePiece piece_;
  Arena arena_;
  std::vector<RowUpdate> rows_;
  std::vector<std::span<const RangeDeletion>> range_lists_;
  RowUpdate static_row_;
};

Result<const SstablePiece*> WriteSource::Next() {
  arena_.Reset();
  rows_.clear();
  piece_ = {.mutation = {}, .first = !in_partition_, .last = false};
  if (!in_partition_) {
    ASSIGN_OR_RETURN(const bool any, BeginPartition());
    if (!any) return nullptr;
  }
  piece_.mutation.schema = schema_.get();
  piece_.mutation.token = token_;
  piece_.mutation.partition_key = key_;
  size_t parts = 0;
  size_t bytes = 0;
  Bound place;  // of what was taken last
  const Bound* cut = nullptr;
  while (InPartition()) {
    const ByteView value = arena_.Copy(records_->value());
    ASSIGN_OR_RETURN(const Mutation part, DecodeMutation(value, schemas_, &arena_));
    const Bound begin = BeginOf(part);
    const bool full = parts >= piece_rows_ || bytes >= piece_bytes_;
    if (full && place.cut < begin.cut) {
      cut = &(place = begin);
      break;
    }
    place = begin;
    ++parts;
    bytes += value.size();
    TRY(TakePart(part));
    TRY(Advance());
  }
  TakeRanges(cut);
  piece_.mutation.rows = rows_;
  piece_.last = cut == nullptr;
  in_partition_ = !piece_.last;
  return &piece_;
}

Status WriteSource::Advance() {
  ASSIGN_OR_RETURN(at_record_, records_->Next());
  return {};
}

bool WriteSource::InPartition() const {
  return at_record_ && records_->key().starts_with(prefix_);
}

Result<bool> WriteSource::BeginPartition() {
  if (!begun_) TRY(Advance());
  begun_ = true;
  if (!at_record_) return false;
  ASSIGN_OR_RETURN(const Mutation part, DecodeMutation(records_->value(), schemas_, &arena_));
  token_ = part.token;
  key_ = part.partition_key;
  prefix_.clear();
  AppendOrdered(&prefix_, token_.value);
  AppendEscaped(&prefix_, key_);
  return true;
}

Status WriteSource::TakePart(const Mutation& part) {
  Mutation& mutation = piece_.mutation;
  mutation.partition_deletion = Stronger(mutation.partition_deletion, part.partition_deletion);
  if (part.static_row != nullptr) {
    if (mutation.static_row == nullptr) {
      static_row_ = *part.static_row;
    } else {
      ASSIGN_OR_RETURN(static_row_, JoinRow(*schema_, static_row_, *part.static_row, &arena_));
    }
    mutation.static_row = &static_row_;
  }
  if (!part.ranges.empty()) range_lists_.push_back(part.ranges);
  if (part.rows.empty()) return {};
  const RowUpdate& row = part.rows.front();
  if (!rows_.empty() && rows_.back().key == row.key) {
    ASSIGN_OR_RETURN(rows_.back(), JoinRow(*schema_, rows_.back(), row, &arena_));
  } else {
    rows_.push_back(row);
  }
  return {};
}

void WriteSource::TakeRanges(const Bound* cut) {
  range_lists_.push_back(carried_);
  const std::span<const RangeDeletion> joined = JoinRanges(&range_lists_, &arena_);
  const std::span<RangeDeletion> given = arena_.CopyArray(joined);
  piece_.mutation.ranges = given;
  // What the piece points to stays until the next one.
  carry_turn_ = 1 - carry_turn_;
  Arena& memory = carry_memory_[carry_turn_];
  memory.Reset();
  carried_.clear();
  if (cut == nullptr) return;
  const auto copy = [&memory](Bound bound) {
    bound.cut = memory.Copy(bound.cut);
    bound.values = memory.Copy(bound.values);
    return bound;
  };
  size_t whole = given.size();
  while (whole > 0 && given[whole - 1].start.cut >= cut->cut) --whole;
  const bool divided = whole > 0 && given[whole - 1].end.cut > cut->cut;
  if (divided) {
    carried_.push_back({copy(OtherSide(*cut)), copy(given[whole - 1].end), given[whole - 1].deletion});
    given[whole - 1].end = *cut;
  }
  for (const RangeDeletion& range : given.subspan(whole)) {
    carried_.push_back({copy(range.start), copy(range.end), range.deletion});
  }
  piece_.mutation.ranges = given.first(whole);
}

}  // namespace

WriteSorter::WriteSorter(TableSchemaPtr schema, const Options& options)
    : schema_(std::move(schema)),
      options_(options),
      sorter_({.memory_bytes = options.memory_bytes, .directory = options.directory}),
      large_({.memory_bytes = kMemoryForLarge, .directory = options.directory}) {}

Status WriteSorter::Add(const Mutation& mutation) {
  prefix_.clear();
  AppendOrdered(&prefix_, mutation.token.value);
  AppendEscaped(&prefix_, mutation.partition_key);
  Mutation part;
  part.schema = mutation.schema;
  part.token = mutation.token;
  part.partition_key = mutation.partition_key;
  if (mutation.static_row != nullptr || !mutation.partition_deletion.live()) {
    Mutation head = part;
    head.static_row = mutation.static_row;
    head.partition_deletion = mutation.partition_deletion;
    key_ = prefix_;
    key_.push_back(kPartition);
    TRY(AddRecord(head));
  }
  for (const RangeDeletion& range : mutation.ranges) {
    part.ranges = {&range, 1};
    TRY(AddInside(range.start.cut, kRange, part));
  }
  part.ranges = {};
  for (const RowUpdate& row : mutation.rows) {
    part.rows = {&row, 1};
    TRY(AddInside(row.key, kRow, part));
  }
  return {};
}

Status WriteSorter::AddInside(ByteView place, char kind, const Mutation& part) {
  key_ = prefix_;
  key_.push_back(kInside);
  AppendEscaped(&key_, place);
  key_.push_back(kind);
  return AddRecord(part);
}

Status WriteSorter::AddRecord(const Mutation& part) {
  value_.clear();
  AppendMutation(&value_, part);
  const bool large = key_.size() + value_.size() > options_.memory_bytes / kShareOfLarge;
  return (large ? large_ : sorter_).Add(key_, value_);
}

Result<std::unique_ptr<PieceSource>> WriteSorter::Finish(std::string name) {
  ASSIGN_OR_RETURN(std::unique_ptr<SortedRecords> records, sorter_.Finish());
  ASSIGN_OR_RETURN(std::unique_ptr<SortedRecords> large, large_.Finish());
  return std::make_unique<WriteSource>(std::move(name), schema_, options_,
                                       std::make_unique<BothRecords>(std::move(records), std::move(large)));
}

}  // namespace braid
