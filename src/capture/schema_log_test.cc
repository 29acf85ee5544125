#include "capture/schema_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "base/testing.h"
#include "base/testing/memory_file_system.h"
#include "codec/schema.h"

namespace braid {
namespace {

using testing::HasSubstr;
using Kind = SchemaRecord::Kind;

constexpr char kPath[] = "/state/schema";

SchemaRecord Definition(const std::string& table, int64_t at) {
  auto schema = std::make_shared<TableSchema>();
  schema->table_id.bytes[0] = static_cast<uint8_t>(table[0]);
  schema->keyspace = "k";
  schema->table = table;
  schema->columns.push_back(
      {.id = {}, .name = "p", .kind = ColumnKind::kPartitionKey, .type = SimpleType(TypeKind::kInt), .dropped_at = {}});
  schema->IndexColumns();
  schema->id = ComputeSchemaId(*schema);
  return {.kind = Kind::kDefinition, .table = schema->table_id, .schema = schema, .changed_at = {at}};
}

SchemaRecord Of(Kind kind, char table) {
  SchemaRecord record{.kind = kind};
  record.table.bytes[0] = static_cast<uint8_t>(table);
  return record;
}

// "d:t@7" and so on.
std::string Describe(const std::vector<SchemaRecord>& records) {
  std::string text;
  for (const SchemaRecord& record : records) {
    text += " ?dxkub"[static_cast<int>(record.kind) + 1];
    if (record.kind == Kind::kDefinition) {
      text += record.schema->table + "@" + std::to_string(record.changed_at.us);
    } else if (record.kind != Kind::kBaseline) {
      text += static_cast<char>(record.table.bytes[0]);
    }
    text += ' ';
  }
  return text;
}

class SchemaLogTest : public testing::Test {
 protected:
  std::string Reopen() {
    log_.reset();
    auto opened = SchemaLog::Open(&files_, kPath);
    if (!opened.has_value()) return opened.error().message;
    log_ = std::move(opened->first);
    return Describe(opened->second);
  }
  std::string Bytes() { return *ReadAll(**files_.OpenForRead(kPath), 1 << 20); }

  MemoryFileSystem files_;
  std::unique_ptr<SchemaLog> log_;
};

TEST_F(SchemaLogTest, GivesBackWhatWasAppended) {
  EXPECT_EQ(Reopen(), "");
  ASSERT_TRUE(log_->Append({Definition("t", 7), Of(Kind::kHistoryKnown, 't'), Of(Kind::kBaseline, 0)}).has_value());
  ASSERT_TRUE(log_->Append({Of(Kind::kHistoryUnknown, 't'), Of(Kind::kDropped, 't'), Definition("u", -1)}).has_value());
  files_.Crash(1);
  EXPECT_EQ(Reopen(), "dt@7 kt b ut xt du@-1 ");
  ASSERT_TRUE(log_->Append({Of(Kind::kDropped, 'u')}).has_value());
  EXPECT_EQ(Reopen(), "dt@7 kt b ut xt du@-1 xu ");
}

TEST_F(SchemaLogTest, BytesAreAsDocumented) {
  Reopen();
  ASSERT_TRUE(log_->Append({Of(Kind::kDropped, '\x11'), Of(Kind::kBaseline, 0)}).has_value());
  EXPECT_EQ(Bytes(), FromHex("4252534c01"
                             "00000012"
                             "d2fdae54"
                             "0211000000000000000000000000000000"
                             "05"
                             "2a964129"));
}

TEST_F(SchemaLogTest, NewerFormsAreRefusedByName) {
  ASSERT_TRUE(files_.MakeDirectory("/state").has_value());
  ASSERT_TRUE(files_.ReplaceFile(kPath, std::string("BRSL\x02", 5)).has_value());
  EXPECT_THAT(Reopen(), HasSubstr("/state/schema"));
  EXPECT_EQ(SchemaLog::Open(&files_, kPath).error().code, ErrorCode::kUnsupported);
  ASSERT_TRUE(files_.ReplaceFile(kPath, "????\x01").has_value());
  EXPECT_EQ(SchemaLog::Open(&files_, kPath).error().code, ErrorCode::kCorrupt);
}

// Wherever the last batch is cut, all before it stands and the file can be written on.
TEST_F(SchemaLogTest, ATornEndIsCut) {
  Reopen();
  ASSERT_TRUE(log_->Append({Definition("t", 7)}).has_value());
  const size_t first = Bytes().size();
  ASSERT_TRUE(log_->Append({Definition("u", 8), Of(Kind::kBaseline, 0)}).has_value());
  const std::string whole = Bytes();
  for (size_t size = first; size < whole.size(); ++size) {
    for (const bool zeros : {false, true}) {
      std::string torn = whole.substr(0, size);
      if (zeros) torn.resize(whole.size());  // the size grew on the disk and the bytes did not come
      ASSERT_TRUE(files_.ReplaceFile(kPath, torn).has_value());
      ASSERT_EQ(Reopen(), "dt@7 ") << size;
      EXPECT_EQ(Bytes().size(), first);
      ASSERT_TRUE(log_->Append({Of(Kind::kDropped, 't')}).has_value());
      ASSERT_EQ(Reopen(), "dt@7 xt ");
    }
  }
}

// Any byte before the last batch that changes is noticed, and where.
TEST_F(SchemaLogTest, DamageInTheMiddleIsTold) {
  Reopen();
  ASSERT_TRUE(log_->Append({Definition("t", 7)}).has_value());
  const size_t first = Bytes().size();
  ASSERT_TRUE(log_->Append({Definition("u", 8)}).has_value());
  const std::string whole = Bytes();
  for (size_t at = 5; at < first; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    ASSERT_TRUE(files_.ReplaceFile(kPath, damaged).has_value());
    const auto opened = SchemaLog::Open(&files_, kPath);
    ASSERT_FALSE(opened.has_value()) << at;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("/state/schema: offset 5: "));
    EXPECT_THAT(opened.error().message, HasSubstr("restore it from a copy"));
  }
  EXPECT_EQ(Bytes().size(), whole.size());  // nothing was cut
}

// Whatever fails at whatever call, and wherever the power goes: what Append said is kept, and at most one more batch.
RC_GTEST_PROP(SchemaLogCrashTest, NothingAcknowledgedIsLost, ()) {
  MemoryFileSystem files;
  std::string acknowledged;
  std::set<std::string> possible = {""};
  for (int life = 0; life < 6; ++life) {
    const auto seed = *rc::gen::arbitrary<uint32_t>();
    if (*rc::gen::arbitrary<bool>()) {
      files.CutPowerAt(*rc::gen::inRange<uint64_t>(1, 20), seed);
    } else {
      files.FailAt(*rc::gen::inRange<uint64_t>(1, 20), *rc::gen::element(ErrorCode::kNoSpace, ErrorCode::kIoError),
                   seed);
    }
    auto opened = SchemaLog::Open(&files, kPath);
    if (opened.has_value()) {
      const std::string found = Describe(opened->second);
      RC_ASSERT(possible.contains(found));
      acknowledged = found;
      possible = {found};
      for (int i = 0; i < 4; ++i) {
        const std::vector<SchemaRecord> batch = {Definition(std::string(1, static_cast<char>('a' + i)), life)};
        const std::string longer = acknowledged + Describe(batch);
        possible.insert(longer);
        if (!opened->first->Append(batch).has_value()) continue;
        acknowledged = longer;
        possible = {longer};
      }
    } else {
      RC_ASSERT(opened.error().code != ErrorCode::kCorrupt);
    }
    files.Crash(seed);
  }
  const auto opened = SchemaLog::Open(&files, kPath);
  RC_ASSERT(opened.has_value());
  RC_ASSERT(possible.contains(Describe(opened->second)));
}

}  // namespace
}  // namespace braid
