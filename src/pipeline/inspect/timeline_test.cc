#include "pipeline/inspect/timeline.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "codec/schema.h"
#include "timeline/writer.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InspectTimelineTest : public ::testing::Test {
 protected:
  InspectTimelineTest() {
    char path[] = "/tmp/braid_inspect_XXXXXX";
    directory_ = mkdtemp(path);
    auto writer = *TimelineWriter::Open(PosixFileSystem(), {.directory = directory_, .partition = 2, .epoch = 5}, 1);
    TableSchema schema;
    schema.keyspace = "vault";
    schema.table = "titles";
    schema.columns.push_back({.name = "id", .kind = ColumnKind::kPartitionKey, .type = SimpleType(TypeKind::kText)});
    schema.IndexColumns();
    schema.id = ComputeSchemaId(schema);
    Change change;
    change.schema = &schema;
    change.partition_key = "a";
    change.op = Op::kDelete;
    change.origin = {NodeIndex{1}, SegmentId{9}, 9};
    writer->Append(change);
    writer->Append(Gap{.id = 4, .detail = "lost"});
    EXPECT_TRUE(writer->Sync(7'000).has_value());
    EXPECT_TRUE(writer->Publish().has_value());
  }
  ~InspectTimelineTest() override { std::filesystem::remove_all(directory_); }

  // The kinds of the lines, which are also kept.
  std::vector<std::string> Kinds(const std::string& path) {
    lines_.clear();
    warnings_.clear();
    const Status status = InspectTimeline(
        path, [this](std::string_view line) { lines_.push_back(nlohmann::json::parse(line)); },
        [this](std::string_view line) { warnings_.emplace_back(line); });
    EXPECT_TRUE(status.has_value()) << status.error().message;
    std::vector<std::string> kinds;
    for (const auto& line : lines_) kinds.push_back(line["kind"]);
    return kinds;
  }

  std::string directory_;
  std::vector<nlohmann::json> lines_;
  std::vector<std::string> warnings_;
};

TEST_F(InspectTimelineTest, PrintsADirectory) {
  EXPECT_THAT(Kinds(directory_), ElementsAre("timeline", "segment", "batch", "definition", "record", "record"));
  EXPECT_THAT(warnings_, ElementsAre());
  EXPECT_EQ(lines_[0]["committed"], 3);
  EXPECT_EQ(lines_[1]["epoch"], 5);
  EXPECT_EQ(lines_[2]["blocks"].size(), 3u);
  EXPECT_EQ(lines_[3]["columns"]["id"], "text");
  EXPECT_EQ(lines_[4]["event"]["key"]["id"], "a");
  EXPECT_EQ(lines_[4]["event"]["source"]["node"], "node1");
  EXPECT_EQ(lines_[4]["event"]["sequence"], "5:2:1");
  EXPECT_EQ(lines_[4]["event"]["ts_ms"], 7);
  EXPECT_EQ(lines_[5]["event"]["gap"]["id"], 4);
}

TEST_F(InspectTimelineTest, PrintsAFileAsFarAsItGoes) {
  const std::string file = directory_ + "/00000000000000000001.tl";
  EXPECT_THAT(Kinds(file), ElementsAre("segment", "batch", "definition", "record", "record"));
  std::filesystem::rename(file, directory_ + "/broken");
  std::filesystem::resize_file(directory_ + "/broken", std::filesystem::file_size(directory_ + "/broken") - 1);
  EXPECT_THAT(Kinds(directory_ + "/broken"), ElementsAre("segment", "batch", "definition", "record"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("broken: at offset")));
}

TEST_F(InspectTimelineTest, SaysWhereThereIsNothing) {
  const auto nothing = [](std::string_view) {};
  EXPECT_EQ(InspectTimeline(directory_ + "/none", nothing, nothing).error().code, ErrorCode::kNotFound);
  std::filesystem::create_directory(directory_ + "/empty");
  EXPECT_EQ(InspectTimeline(directory_ + "/empty", nothing, nothing).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace braid
