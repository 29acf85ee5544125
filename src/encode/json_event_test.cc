#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/testing.h"
#include "encode/json.h"
#include "model/key.h"

namespace braid {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Column MakeColumn(uint16_t id, const char* name, ColumnKind kind, uint16_t position, TypePtr type) {
  Column column;
  column.id = ColumnId{id};
  column.name = name;
  column.kind = kind;
  column.position = position;
  column.type = std::move(type);
  return column;
}

constexpr ColumnId kTitle{3};
constexpr ColumnId kTags{4};
constexpr ColumnId kOwner{5};

class EventTest : public testing::Test {
 protected:
  EventTest() {
    schema_.keyspace = "vault";
    schema_.table = "titles";
    schema_.columns = {
        MakeColumn(0, "id", ColumnKind::kPartitionKey, 0, SimpleType(TypeKind::kInt)),
        MakeColumn(1, "Season", ColumnKind::kClustering, 0, SimpleType(TypeKind::kText)),
        MakeColumn(2, "episode", ColumnKind::kClustering, 1, SimpleType(TypeKind::kInt)),
        MakeColumn(3, "title", ColumnKind::kRegular, 0, SimpleType(TypeKind::kText)),
        MakeColumn(4, "tags", ColumnKind::kRegular, 0, SetOf(SimpleType(TypeKind::kText), false)),
        MakeColumn(5, "owner", ColumnKind::kStatic, 0, SimpleType(TypeKind::kText)),
    };
    schema_.IndexColumns();
    AppendClusteringValue("one", &clustering_);
    AppendClusteringValue(FromHex("00000007"), &clustering_);
    context_ = {.pipeline = "p\"1", .version = "0.1.0", .nodes = {"n1", "n2"}, .emitted_ms = std::nullopt};
    change_.schema = &schema_;
    change_.sequence = {.epoch = 1, .partition = 2, .n = 3};
    change_.partition_key = key_;
    change_.clustering = clustering_;
    change_.ts = WriteTime{1700000000123456};
    change_.origin = {.node = NodeIndex{1}, .segment = SegmentId{1699}, .offset = 77};
    change_.revision = 17;
  }

  std::string Event() {
    std::string event;
    AppendEventJson(change_, context_, &event);
    return event;
  }

  const std::string key_ = FromHex("0000034a");
  TableSchema schema_;
  std::string clustering_;
  EventContext context_;
  Change change_;
};

TEST_F(EventTest, TheKeyAlone) {
  std::string key;
  AppendKeyJson(change_, &key);
  EXPECT_THAT(Event(), StartsWith("{\"key\":" + key + ","));
  change_.row = RowKind::kStatic;
  key.clear();
  AppendKeyJson(change_, &key);
  EXPECT_THAT(Event(), StartsWith("{\"key\":" + key + ","));
}

TEST_F(EventTest, AnUpdate) {
  const std::string tags = FromHex(
      "00000001"
      "0000000178");
  const ColumnValue before_columns[] = {{kTags, true, {}}, {kTitle, false, "old"}};
  const ColumnValue after_columns[] = {{kTags, false, tags}, {kTitle, false, "new"}};
  const Image before{before_columns};
  const Image after{after_columns};
  const ColumnId written[] = {kTitle, kTags};
  change_.before = &before;
  change_.after = &after;
  change_.written = written;
  EXPECT_EQ(Event(),
            R"({"key":{"id":842,"Season":"one","episode":7},"op":"u",)"
            R"("before":{"id":842,"Season":"one","episode":7,"tags":null,"title":"old"},)"
            R"("after":{"id":842,"Season":"one","episode":7,"tags":["x"],"title":"new"},)"
            R"("source":{"connector":"cassandra","version":"0.1.0","name":"p\"1","db":"vault","keyspace":"vault",)"
            R"("table":"titles","row":"regular","ts_us":1700000000123456,"ts_ms":1700000000123,"node":"n2",)"
            R"("segment":1699,"position":77,"revision":17,"written":["title","tags"],"cause":"write",)"
            R"("complete":true,"late":false,"snapshot":"false"},)"
            R"("transaction":null,"sequence":"1:2:3","ts_ms":1700000000123})");
}

TEST_F(EventTest, SaysWhenItWasEmittedIfItIsTold) {
  context_.emitted_ms = 42;
  EXPECT_THAT(Event(), testing::EndsWith(R"("sequence":"1:2:3","ts_ms":42})"));
}

TEST_F(EventTest, WhatRanOutWasLoggedNowhere) {
  change_.cause = Cause::kTtl;
  change_.origin = {};
  EXPECT_THAT(Event(), HasSubstr(R"("node":null,"segment":null,"position":null,"revision":17,)"));
}

TEST_F(EventTest, AReadOfASnapshot) {
  const ColumnValue columns[] = {{kTags, true, {}}, {kTitle, false, "old"}};
  const Image after{columns};
  change_.op = Op::kRead;
  change_.cause = Cause::kBackfill;
  change_.origin = {};
  change_.snapshot = SnapshotMark::kTrue;
  change_.after = &after;
  EXPECT_THAT(Event(),
              HasSubstr(R"("op":"r","before":null,"after":{"id":842,"Season":"one","episode":7,"tags":null,)"));
  EXPECT_THAT(Event(), HasSubstr(R"("node":null,"segment":null,"position":null,"revision":17,)"));
  EXPECT_THAT(Event(), HasSubstr(R"("cause":"backfill","complete":true,"late":false,"snapshot":"true"})"));
}

TEST_F(EventTest, TimesBefore1970AreRoundedDown) {
  change_.ts = WriteTime{-1};
  EXPECT_THAT(Event(), HasSubstr(R"("ts_us":-1,"ts_ms":-1,)"));
  change_.ts = WriteTime{-1000};
  EXPECT_THAT(Event(), HasSubstr(R"("ts_us":-1000,"ts_ms":-1,)"));
}

TEST_F(EventTest, NoTimeIsNull) {
  change_.ts = WriteTime::None();
  EXPECT_THAT(Event(), HasSubstr(R"("ts_us":null,"ts_ms":null,)"));
}

TEST_F(EventTest, AnEmptyCollectionOfCellsIsNull) {
  const ColumnValue columns[] = {{kTags, false, ByteView("\0\0\0\0", 4)}};
  const Image after{columns};
  change_.after = &after;
  change_.op = Op::kCreate;
  EXPECT_THAT(Event(),
              HasSubstr(R"("op":"c","before":null,"after":{"id":842,"Season":"one","episode":7,"tags":null})"));
}

TEST_F(EventTest, AStaticRowHasThePartitionKeyOnly) {
  const ColumnValue columns[] = {{kOwner, false, "me"}};
  const Image after{columns};
  change_.row = RowKind::kStatic;
  change_.clustering = {};
  change_.after = &after;
  EXPECT_THAT(Event(), StartsWith(R"({"key":{"id":842},"op":"u","before":null,"after":{"id":842,"owner":"me"},)"));
  EXPECT_THAT(Event(), HasSubstr(R"("row":"static","ts_us")"));
}

TEST_F(EventTest, TheFirstSightOfARowIsItsKey) {
  const Image before;
  const ColumnId unknown[] = {kTitle};
  change_.before = &before;
  change_.complete = false;
  change_.unknown = unknown;
  change_.late = true;
  change_.snapshot = SnapshotMark::kLast;
  EXPECT_THAT(Event(), HasSubstr(R"("before":{"id":842,"Season":"one","episode":7},"after":null,)"));
  EXPECT_THAT(Event(), HasSubstr(R"("complete":false,"unknown":["title"],"late":true,"snapshot":"last"})"));
}

TEST_F(EventTest, SaysThatItIsNotConfirmed) {
  EXPECT_THAT(Event(), Not(HasSubstr("confirmed")));
  change_.confirmed = false;
  EXPECT_THAT(Event(), HasSubstr(R"("late":false,"confirmed":false,"snapshot":"false"})"));
}

TEST_F(EventTest, ARangeHasBounds) {
  std::string start;
  AppendClusteringValue("one", &start);
  change_.row = RowKind::kRange;
  change_.op = Op::kDelete;
  change_.cause = Cause::kRangeDelete;
  change_.clustering = {};
  change_.range_start = {.cut = {}, .values = start, .size = 1, .inclusive = true};
  change_.range_end = {.cut = {}, .values = clustering_, .size = 2, .inclusive = false};
  EXPECT_THAT(Event(), StartsWith(R"({"key":{"id":842},"op":"d","before":null,"after":null,)"));
  EXPECT_THAT(Event(), HasSubstr(R"("row":"range","range":{"start":{"values":{"Season":"one"},"inclusive":true},)"
                                 R"("end":{"values":{"Season":"one","episode":7},"inclusive":false}},"ts_us")"));
  change_.range_start = {};
  change_.range_end = {};
  EXPECT_THAT(Event(), HasSubstr(R"("range":{"start":null,"end":null},)"));
}

TEST_F(EventTest, ATruncationHasNoKey) {
  change_.op = Op::kTruncate;
  change_.cause = Cause::kTruncate;
  change_.partition_key = {};
  change_.clustering = {};
  EXPECT_THAT(Event(), StartsWith(R"({"key":null,"op":"t","before":null,"after":null,)"));
}

TEST_F(EventTest, ANullClusteringValueIsNull) {
  std::string clustering;
  AppendClusteringNull(&clustering);
  AppendClusteringValue("", &clustering);
  change_.clustering = clustering;
  EXPECT_THAT(Event(), StartsWith(R"({"key":{"id":842,"Season":null,"episode":null},)"));
}

TEST_F(EventTest, KeysThatDoNotComeApartAreShownAsTheyAre) {
  change_.clustering =
      "\x05"
      "a";
  EXPECT_THAT(Event(), StartsWith(R"({"key":{"id":842,"Season":{"invalid":"BWE="},"episode":null},)"));
  change_.clustering = clustering_;
  clustering_ += '\0';
  change_.clustering = clustering_;
  EXPECT_THAT(Event(), HasSubstr(R"("Season":{"invalid":)"));
}

TEST_F(EventTest, AppendsToWhatIsThere) {
  std::string out = "before ";
  AppendEventJson(change_, context_, &out);
  EXPECT_EQ(out, "before " + Event());
}

}  // namespace
}  // namespace braid
