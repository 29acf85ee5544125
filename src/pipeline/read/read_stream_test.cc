#include "pipeline/read/read_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/arena.h"
#include "capture/schema_log.h"
#include "codec/schema.h"
#include "model/change.h"
#include "pipeline/run/node_table.h"
#include "timeline/writer.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TableSchemaPtr Titles(bool with_year) {
  auto table = std::make_shared<TableSchema>();
  table->keyspace = "vault";
  table->table = "titles";
  table->cdc = true;
  const auto add = [&](const char* name, ColumnKind kind, TypeKind type) {
    table->columns.push_back(
        {.id = {static_cast<uint16_t>(table->columns.size())}, .name = name, .kind = kind, .type = SimpleType(type)});
  };
  add("id", ColumnKind::kPartitionKey, TypeKind::kInt);
  add("title", ColumnKind::kRegular, TypeKind::kText);
  if (with_year) add("year", ColumnKind::kRegular, TypeKind::kInt);
  table->IndexColumns();
  table->id = ComputeSchemaId(*table);
  return table;
}

SchemaRecord Definition(const TableSchemaPtr& schema) {
  return {.kind = SchemaRecord::Kind::kDefinition, .table = schema->table_id, .schema = schema};
}

class ReadStreamTest : public ::testing::Test {
 protected:
  ReadStreamTest() {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    config_.state = (std::filesystem::temp_directory_path() / ("braid_read_stream_" + test)).string();
    config_.name = "movies";
    std::filesystem::remove_all(config_.state);
    std::filesystem::create_directories(config_.state);
    EXPECT_TRUE(WriteIdentity(PosixFileSystem(), config_.state, {.shards = 1, .nodes = {{}}}).has_value());
    log_ = std::move(SchemaLog::Open(PosixFileSystem(), SchemaLogPath(config_.state))->first);
    std::filesystem::create_directories(TimelinePath(config_.state, 0));
    timeline_ = *TimelineWriter::Open(PosixFileSystem(), {.directory = TimelinePath(config_.state, 0)}, 1);
  }
  ~ReadStreamTest() override { std::filesystem::remove_all(config_.state); }

  void Define(const TableSchemaPtr& schema) { EXPECT_TRUE(log_->Append({Definition(schema)}).has_value()); }

  void Delete(const TableSchemaPtr& schema, char id) {
    const std::string key = {'\0', '\0', '\0', id};
    const Image image;
    Change change;
    change.schema = schema.get();
    change.op = Op::kDelete;
    change.cause = Cause::kDelete;
    change.partition_key = key;
    change.before = &image;
    timeline_->Append(change);
    EXPECT_TRUE(timeline_->Sync(1'000'000).has_value());
    EXPECT_TRUE(timeline_->Publish().has_value());
  }

  Result<std::string> Read(const std::string& stream) {
    ReadOptions options{.stream = stream, .from = {}, .write = {}, .flush = {}, .stop = {}};
    lines_.clear();
    options.write = [this](std::string_view lines) {
      lines_ += lines;
      return Status();
    };
    return ReadStream(config_, options);
  }

  Config config_;
  std::unique_ptr<SchemaLog> log_;
  std::unique_ptr<TimelineWriter> timeline_;
  std::string lines_;
};

// docs/streams-config.md, "When the table changes".
TEST_F(ReadStreamTest, AColumnThatWasAddedIsNullInEventsFromBeforeIt) {
  const TableSchemaPtr older = Titles(false);
  const TableSchemaPtr newer = Titles(true);
  config_.streams = {{.name = "undated", .tables = {"vault.*"}, .where = "year IS NULL"},
                     {.name = "dated", .tables = {"vault.*"}, .where = "year >= 1990"},
                     {.name = "masked", .tables = {"vault.*"}, .exclude = {"year"}, .masks = {{"title", "redact"}}}};
  Define(older);
  Delete(older, 1);
  ASSERT_FALSE(Read("undated").has_value()) << "no definition has the column yet";
  Define(newer);
  Delete(newer, 2);
  for (const char* stream : {"undated", "masked"}) {
    const auto read = Read(stream);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_THAT(lines_, AllOf(HasSubstr(R"("key":{"id":1})"), HasSubstr(R"("key":{"id":2})")));
  }
  const auto read = Read("dated");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_THAT(lines_, Not(HasSubstr(R"("key":{"id":1})")));
}

}  // namespace
}  // namespace braid
