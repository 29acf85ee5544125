#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "encode/json.h"

namespace braid {
namespace {

const EventContext kContext{.pipeline = "movies", .version = "0.1.0", .nodes = {"n1", "n2"}};

Gap SomeGap() {
  return {.id = 7,
          .reason = GapReason::kLostSegment,
          .node = NodeIndex{1},
          .from = {NodeIndex{1}, SegmentId{170}, 77},
          .to = {NodeIndex{1}, SegmentId{171}, 9},
          .table = "vault.titles",
          .detail = "gone \"early\"",
          .seen_at = WriteTime{1'700'000'000'123'456}};
}

TEST(GapJsonTest, IsAControlEvent) {
  std::string line;
  AppendGapJson(SomeGap(), {1, 0, 3}, kContext, &line);
  EXPECT_EQ(line, R"({"key":null,"op":"m","before":null,"after":null,)"
                  R"("source":{"connector":"cassandra","version":"0.1.0","name":"movies",)"
                  R"("ts_us":1700000000123456,"ts_ms":1700000000123},)"
                  R"("gap":{"id":7,"state":"open","reason":"lost_segment","node":"n2","from":"170:77","to":"171:9",)"
                  R"("table":"vault.titles","detail":"gone \"early\""},)"
                  R"("transaction":null,"sequence":"1:0:3","ts_ms":1700000000123})");
}

TEST(GapJsonTest, SaysNullForWhatIsNotKnown) {
  Gap gap = SomeGap();
  gap.open = false;
  gap.from = {};
  gap.to = {};
  gap.table.clear();
  gap.seen_at = WriteTime::None();
  EventContext context = kContext;
  context.emitted_ms = 42;
  std::string line;
  AppendGapJson(gap, {1, 0, 3}, context, &line);
  const auto event = nlohmann::json::parse(line);
  EXPECT_EQ(event["gap"]["state"], "closed");
  for (const char* name : {"from", "to", "table"}) EXPECT_TRUE(event["gap"][name].is_null()) << name;
  EXPECT_TRUE(event["source"]["ts_us"].is_null());
  EXPECT_EQ(event["ts_ms"], 42);
}

}  // namespace
}  // namespace braid
