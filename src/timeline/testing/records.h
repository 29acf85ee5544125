// What the timeline's tests share: random records, and what a timeline must give back of them. Only tests include it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/file_system.h"
#include "codec/change.h"
#include "codec/gap.h"
#include "codec/schema.h"
#include "codec/testing/maker.h"
#include "timeline/reader.h"
#include "timeline/writer.h"

namespace braid {

// Random records of a few tables. Record n is the same whenever it is made.
class Records {
 public:
  explicit Records(uint64_t seed, size_t tables = 3) : seed_(seed) {
    testing::Maker maker(seed, &arena_);
    while (schemas_.size() < tables) {
      auto schema = std::make_shared<TableSchema>(*maker.MakeSchema());
      schema->id = ComputeSchemaId(*schema);
      schemas_.push_back(std::move(schema));
    }
  }

  // Makes record n and gives what the function for its kind makes of it.
  template <typename OfChange, typename OfGap>
  auto Make(uint64_t n, OfChange of_change, OfGap of_gap) {
    Arena arena;
    testing::Maker maker(seed_ * 1'000'003 + n, &arena);
    if (maker.Below(16) == 0) {
      return of_gap(Gap{.id = n, .detail = "gap " + std::to_string(n), .seen_at = WriteTime{int64_t(n)}});
    }
    return of_change(maker.MakeChange(*schemas_[maker.Below(schemas_.size())]));
  }

  const std::vector<TableSchemaPtr>& schemas() const { return schemas_; }

  uint64_t Append(uint64_t n, TimelineWriter* writer) {
    const uint64_t given = Make(
        n, [&](const Change& change) { return writer->Append(change); },
        [&](const Gap& gap) { return writer->Append(gap); });
    EXPECT_EQ(given, n);
    return given;
  }

  // As one string: what the record says, and of which table it is.
  std::string Expected(uint64_t n) {
    return Make(
        n, [](const Change& change) { return Text(change); }, [](const Gap& gap) { return Text(gap); });
  }

  // nullptr: a gap.
  const TableSchema* TableOf(uint64_t n) {
    return Make(
        n, [](const Change& change) { return change.schema; },
        [](const Gap&) { return static_cast<const TableSchema*>(nullptr); });
  }

  static std::string Text(const Change& change) {
    std::string text = change.schema->FullName() + " ";
    AppendChange(&text, change);
    return text;
  }
  static std::string Text(const Gap& gap) {
    std::string text = "gap ";
    AppendGap(&text, gap);
    return text;
  }
  static std::string Text(const TimelineRecord& record) {
    EXPECT_NE(record.change == nullptr, record.gap == nullptr);
    return record.change != nullptr ? Text(*record.change) : Text(*record.gap);
  }

 private:
  uint64_t seed_;
  Arena arena_;
  std::vector<TableSchemaPtr> schemas_;
};

// Appends the records from writer->end() to before `end`.
inline void AppendUntil(uint64_t end, Records* records, TimelineWriter* writer) {
  while (writer->end() < end) records->Append(writer->end(), writer);
}

// Reads [from, to) and expects the records as they were made, numbered without a hole. False: something was not so.
inline bool ExpectRecords(TimelineReader* reader, uint64_t from, uint64_t to, Records* records) {
  for (uint64_t n = from; n < to; ++n) {
    const auto record = reader->Next();
    EXPECT_TRUE(record.has_value()) << "record " << n << ": " << record.error().message;
    if (!record.has_value()) return false;
    EXPECT_NE(*record, nullptr) << "record " << n << " of " << to;
    if (*record == nullptr) return false;
    EXPECT_EQ((*record)->sequence.n, n);
    EXPECT_EQ(Records::Text(**record), records->Expected(n)) << "record " << n;
    if (::testing::Test::HasFailure()) return false;
  }
  return true;
}

}  // namespace braid
