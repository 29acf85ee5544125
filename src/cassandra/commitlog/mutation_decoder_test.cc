#include "cassandra/commitlog/mutation_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cassandra/commitlog/mutation_test_util.h"
#include "cassandra/murmur3/murmur3.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kEpoch = kStatsEpochUs;
constexpr uint8_t kRowEstimate = 0x10;
constexpr ColumnId kStudio{3}, kTitle{4}, kYear{5}, kTags{6}, kCast{7}, kOld{8}, kSize{9};

class MutationDecoderTest : public ::testing::Test {
 protected:
  // The one part of a mutation with these bytes behind the count of parts.
  const Mutation& DecodeOne(const RowBytes& part, DeletionTimes times = DeletionTimes::kSigned) {
    const DecodedMutation& decoded = Decode(RowBytes().Vint(1).Raw(part), times);
    EXPECT_FALSE(decoded.unread.has_value());
    EXPECT_EQ(decoded.transaction.mutations.size(), 1u);
    return decoded.transaction.mutations[0];
  }
  const DecodedMutation& Decode(const RowBytes& payload, DeletionTimes times = DeletionTimes::kSigned) {
    payload_ = payload.bytes();
    const Result<const DecodedMutation*> decoded = decoder_.Decode(payload_, times, position_);
    EXPECT_TRUE(decoded.has_value()) << decoded.error().message;
    return **decoded;
  }
  Error Refusal(const RowBytes& payload) {
    payload_ = payload.bytes();
    const Result<const DecodedMutation*> decoded = decoder_.Decode(payload_, DeletionTimes::kSigned, position_);
    EXPECT_FALSE(decoded.has_value());
    return decoded ? Error{} : decoded.error();
  }

  const Position position_{{1}, {7}, 1000};
  TablesForTest tables_;
  MutationDecoder decoder_{&tables_};
  std::string payload_;
};

Cell Live(ColumnId column, int64_t at, std::string_view value, std::string_view path = {}) {
  return {.column = column, .at = {at}, .path = path, .value = value};
}

TEST_F(MutationDecoderTest, ReadsAnInsert) {
  const Mutation& mutation = DecodeOne(FilmPart(kRowEstimate)
                                           .Columns({"title", "year"})
                                           .Vint(1)
                                           .U8(0x24)  // timestamp, all columns
                                           .Raw(FilmClustering(7, "joel"))
                                           .Vint(10)
                                           .U8(0x08)
                                           .Text("Fargo")
                                           .U8(0x08)
                                           .I32(1996)
                                           .U8(1));
  EXPECT_EQ(mutation.schema->table, "films");
  EXPECT_EQ(mutation.partition_key, Int(842));
  EXPECT_EQ(mutation.token, Murmur3Token(Int(842)));
  EXPECT_EQ(mutation.position, position_);
  EXPECT_TRUE(mutation.partition_deletion.live());
  EXPECT_EQ(mutation.static_row, nullptr);
  EXPECT_TRUE(mutation.ranges.empty());
  ASSERT_EQ(mutation.rows.size(), 1u);
  const RowUpdate& row = mutation.rows[0];
  EXPECT_EQ(row.clustering, RowBytes().Vint(5).I32(7).Vint(5).Raw("joel").bytes());
  EXPECT_EQ(row.liveness, (Liveness{.at = {kEpoch + 10}}));
  EXPECT_TRUE(row.deletion.live());
  EXPECT_THAT(row.cells, ElementsAre(Live(kTitle, kEpoch + 10, "Fargo"),
                                     Live(kYear, kEpoch + 10, std::string_view("\0\0\x07\xCC", 4))));
}

TEST_F(MutationDecoderTest, ReadsTtlsOfRowsAndCells) {
  const Mutation& mutation = DecodeOne(FilmPart(kRowEstimate)
                                           .Columns({"title", "year", "size"})
                                           .Vint(1)
                                           .U8(0x2C)  // timestamp, ttl, all columns
                                           .Raw(FilmClustering(7, "joel"))
                                           .Vint(10)
                                           .Vint(60)
                                           .Vint(100)  // of a row the ttl goes first
                                           .U8(0x1A)   // expiring, with the row's times
                                           .Text("Fargo")
                                           .U8(0x02)  // expiring, with its own: the expiry goes first
                                           .Vint(11)
                                           .Vint(200)
                                           .Vint(70)
                                           .I32(1996)
                                           .U8(0x0D)  // deleted, the row's timestamp
                                           .Vint(5)
                                           .U8(1));
  const RowUpdate& row = mutation.rows[0];
  EXPECT_EQ(row.liveness, (Liveness{.at = {kEpoch + 10}, .ttl_s = 60, .expires = {kStatsEpochS + 100}}));
  ASSERT_EQ(row.cells.size(), 3u);
  EXPECT_EQ(row.cells[0], (Cell{.column = kTitle,
                                .kind = CellKind::kExpiring,
                                .ttl_s = 60,
                                .at = {kEpoch + 10},
                                .local_deletion = {kStatsEpochS + 100},
                                .path = {},
                                .value = "Fargo"}));
  EXPECT_EQ(row.cells[1].ttl_s, 70);
  EXPECT_EQ(row.cells[1].local_deletion, UnixSeconds{kStatsEpochS + 200});
  EXPECT_EQ(row.cells[2], (Cell{.column = kSize,
                                .kind = CellKind::kTombstone,
                                .ttl_s = 0,
                                .at = {kEpoch + 10},
                                .local_deletion = {kStatsEpochS + 5},
                                .path = {},
                                .value = {}}));
}

TEST_F(MutationDecoderTest, ReadsDeletionsOfPartitionsAndRows) {
  const Mutation& mutation = DecodeOne(FilmPart(kRowEstimate | 0x04)
                                           .Columns({})
                                           .Vint(3)
                                           .Vint(4)
                                           .Vint(1)
                                           .U8(0x30)  // deletion, all (no) columns
                                           .Raw(FilmClustering(7, "joel"))
                                           .Vint(20)
                                           .Vint(2)
                                           .U8(1));
  EXPECT_EQ(mutation.partition_deletion, (Deletion{{kEpoch + 3}, {kStatsEpochS + 4}}));
  EXPECT_EQ(mutation.rows[0].deletion, (Deletion{{kEpoch + 20}, {kStatsEpochS + 2}}));
  EXPECT_TRUE(mutation.rows[0].liveness.none());
  EXPECT_TRUE(mutation.rows[0].cells.empty());
}

TEST_F(MutationDecoderTest, ReadsTheStaticRow) {
  const Mutation& mutation = DecodeOne(FilmPart(kRowEstimate | 0x08)
                                           .Columns({"studio"})
                                           .Columns({})
                                           .U8(0xA0)
                                           .U8(0x01)  // static
                                           .U8(0)
                                           .Vint(9)
                                           .Text("PolyGram")
                                           .Vint(0)
                                           .U8(1));
  ASSERT_NE(mutation.static_row, nullptr);
  EXPECT_EQ(mutation.static_row->key, "");
  EXPECT_THAT(mutation.static_row->cells, ElementsAre(Live(kStudio, kEpoch + 9, "PolyGram")));
  EXPECT_TRUE(mutation.rows.empty());
}

TEST_F(MutationDecoderTest, ReadsCollectionsAndTheirDeletions) {
  // Written simple columns first, then collections by name; given by column id.
  const Mutation& mutation = DecodeOne(FilmPart(kRowEstimate)
                                           .Columns({"title", "cast", "tags"})
                                           .Vint(1)
                                           .U8(0x60)  // complex deletions, all columns
                                           .Raw(FilmClustering(7, "joel"))
                                           .U8(0)
                                           .Vint(10)
                                           .Text("Fargo")
                                           // cast: deleted, and then one element
                                           .Vint(9)
                                           .Vint(1)
                                           .Vint(1)
                                           .U8(0)
                                           .Vint(10)
                                           .Text("frances")
                                           .Text(Int(1))  // an element's value always has a length
                                           // tags: not deleted, as Cassandra 5.0 writes it
                                           .Vint(static_cast<uint64_t>(INT64_MIN) - static_cast<uint64_t>(kEpoch))
                                           .Vint(static_cast<uint64_t>(-1 - kStatsEpochS))
                                           .Vint(2)
                                           .U8(0x04)
                                           .Vint(10)
                                           .Text(Int(3))
                                           .U8(0x05)  // removed
                                           .Vint(11)
                                           .Vint(8)
                                           .Text(Int(4))
                                           .U8(1));
  const RowUpdate& row = mutation.rows[0];
  EXPECT_THAT(row.complex_deletions, ElementsAre(ComplexDeletion{kCast, Deletion{{kEpoch + 9}, {kStatsEpochS + 1}}}));
  const std::string three = Int(3), four = Int(4), one = Int(1);
  EXPECT_THAT(row.cells, ElementsAre(Live(kTitle, kEpoch + 10, "Fargo"), Live(kTags, kEpoch + 10, "", three),
                                     Cell{.column = kTags,
                                          .kind = CellKind::kTombstone,
                                          .ttl_s = 0,
                                          .at = {kEpoch + 11},
                                          .local_deletion = {kStatsEpochS + 8},
                                          .path = four,
                                          .value = {}},
                                     Live(kCast, kEpoch + 10, one, "frances")));
}

TEST_F(MutationDecoderTest, LeavesOutWhatWasWrittenBeforeADrop) {
  const auto row = [](int at, int64_t ts) {
    return RowBytes().U8(0x20).Raw(FilmClustering(at, "j")).U8(0).Vint(ts).Text("x").bytes();
  };
  const Mutation& mutation = DecodeOne(
      FilmPart(kRowEstimate).Columns({"old"}).Vint(3).Raw(row(9, 5001)).Raw(row(8, 5000)).Raw(row(7, 1)).U8(1));
  ASSERT_EQ(mutation.rows.size(), 1u) << "rows that say nothing are left out";
  EXPECT_THAT(mutation.rows[0].cells, ElementsAre(Live(kOld, kEpoch + 5001, "x")));
}

TEST_F(MutationDecoderTest, LeavesOutExcludedColumnsAndUnwantedTables) {
  MutationDecoder decoder(&tables_, {.wanted = [](const TableSchema& table) { return table.table == "films"; },
                                     .excluded =
                                         [](const TableSchema&) {
                                           return std::vector<ColumnId>{kTitle, kTags};
                                         }});
  const RowBytes wide = RowBytes()
                            .Raw("wide-table-id-01")
                            .Text(Int(842))
                            .U8(0x10)
                            .Stats(kEpoch)
                            .Columns({"c00"})
                            .Vint(1)
                            .U8(0x20)
                            .U8(0)
                            .Vint(1)
                            .I32(1)
                            .U8(1);
  const RowBytes film = FilmPart(kRowEstimate)
                            .Columns({"title", "year", "tags"})
                            .Vint(1)
                            .U8(0x60)
                            .Raw(FilmClustering(7, "joel"))
                            .U8(0)
                            .Vint(10)
                            .Text("Fargo")
                            .U8(0)
                            .Vint(10)
                            .I32(1996)
                            .Vint(9)
                            .Vint(1)
                            .Vint(1)
                            .U8(0x04)
                            .Vint(10)
                            .Text(Int(3))
                            .U8(1);
  const std::string payload = RowBytes().Vint(3).Raw(wide).Raw(film).Raw(wide).bytes();
  const DecodedMutation& decoded = **decoder.Decode(payload, DeletionTimes::kSigned, position_);
  EXPECT_EQ(decoded.parts, 3u);
  EXPECT_THAT(decoded.part_indexes, ElementsAre(1));
  ASSERT_EQ(decoded.transaction.mutations.size(), 1u);
  const std::string year = Int(1996);
  ASSERT_EQ(decoded.transaction.mutations[0].rows.size(), 1u);
  EXPECT_THAT(decoded.transaction.mutations[0].rows[0].cells, ElementsAre(Live(kYear, kEpoch + 10, year)));
  EXPECT_TRUE(decoded.transaction.mutations[0].rows[0].complex_deletions.empty());
}

TEST_F(MutationDecoderTest, PutsRowKeysInCassandrasOrder) {
  const auto row = [](int at, const char* who) {
    return RowBytes().U8(0x24).Raw(FilmClustering(at, who)).Vint(1).bytes();
  };
  const Mutation& mutation =
      DecodeOne(FilmPart(kRowEstimate).Columns({}).Vint(4).Raw(row(9, "a")).Raw(row(9, "b")).Raw(row(-9, "")).U8(1));
  ASSERT_EQ(mutation.rows.size(), 3u);
  EXPECT_LT(mutation.rows[0].key, mutation.rows[1].key);
  EXPECT_LT(mutation.rows[1].key, mutation.rows[2].key);
  EXPECT_THAT(Refusal(RowBytes().Vint(1).Raw(
                          FilmPart(kRowEstimate).Columns({}).Vint(2).Raw(row(9, "a")).Raw(row(9, "a")).U8(1)))
                  .message,
              HasSubstr("two rows of one clustering"));
}

TEST_F(MutationDecoderTest, ReadsNullAndEmptyClusteringValues) {
  const Mutation& mutation =
      DecodeOne(FilmPart(kRowEstimate).Columns({}).Vint(1).U8(0x24).Vint(0x2 | 0x4).Vint(1).U8(1));  // null, empty
  EXPECT_EQ(mutation.rows[0].clustering, std::string("\0\1", 2));
}

// A marker: kind, the value of `at`, deletions.
std::string Marker(uint8_t kind, int32_t at, const std::vector<int>& deletions) {
  RowBytes marker;
  marker.U8(0x02).U8(kind).U16(1).Vint(0).I32(at);
  for (const int ts : deletions) marker.Vint(static_cast<uint64_t>(ts)).Vint(static_cast<uint64_t>(ts));
  return marker.bytes();
}

std::string KeyRow(int32_t at) {
  return RowBytes().U8(0x24).Raw(FilmClustering(at, "joel")).Vint(50).bytes();
}

TEST_F(MutationDecoderTest, PairsMarkersIntoRangesThatHoldTheRightRows) {
  // at is descending: (20, 10], [9, 3), [3, 1], (1, -5), of which the last three touch.
  const Mutation& mutation = DecodeOne(FilmPart(kRowEstimate)
                                           .Columns({})
                                           .Vint(0)
                                           .Raw(KeyRow(20))
                                           .Raw(Marker(7, 20, {1}))  // EXCL_START
                                           .Raw(KeyRow(10))
                                           .Raw(Marker(6, 10, {1}))  // INCL_END
                                           .Raw(Marker(1, 9, {2}))   // INCL_START
                                           .Raw(KeyRow(9))
                                           .Raw(Marker(2, 3, {2, 3}))  // EXCL_END_INCL_START
                                           .Raw(KeyRow(3))
                                           .Raw(KeyRow(1))
                                           .Raw(Marker(5, 1, {3, 4}))  // INCL_END_EXCL_START
                                           .Raw(KeyRow(-4))
                                           .Raw(Marker(0, -5, {4}))  // EXCL_END
                                           .Raw(KeyRow(-5))
                                           .U8(1));
  ASSERT_EQ(mutation.ranges.size(), 4u);
  ASSERT_EQ(mutation.rows.size(), 7u);
  std::vector<int> found;  // of each row, the range that holds it
  for (const RowUpdate& row : mutation.rows) {
    int holder = -1;
    for (int i = 0; i < 4; ++i) {
      if (mutation.ranges[i].start.cut <= row.key && row.key < mutation.ranges[i].end.cut) holder = i;
    }
    found.push_back(holder);
  }
  EXPECT_THAT(found, ElementsAre(-1, 0, 1, 2, 2, 3, -1));
  std::vector<bool> inclusive;
  for (const RangeDeletion& range : mutation.ranges) {
    inclusive.push_back(range.start.inclusive);
    inclusive.push_back(range.end.inclusive);
    EXPECT_EQ(range.start.size, 1);
  }
  EXPECT_THAT(inclusive, ElementsAre(false, true, true, false, true, true, false, false));
  EXPECT_EQ(mutation.ranges[0].deletion, (Deletion{{kEpoch + 1}, {kStatsEpochS + 1}}));
  EXPECT_EQ(mutation.ranges[3].deletion, (Deletion{{kEpoch + 4}, {kStatsEpochS + 4}}));
  EXPECT_EQ(mutation.ranges[0].start.values, RowBytes().Vint(5).I32(20).bytes());
}

TEST_F(MutationDecoderTest, ReadsBoundsAtThePartitionsEdges) {
  const std::string open = RowBytes().U8(0x02).U8(1).U16(0).Vint(1).Vint(1).bytes();
  const std::string close = RowBytes().U8(0x02).U8(6).U16(0).Vint(1).Vint(1).bytes();
  const Mutation& mutation =
      DecodeOne(FilmPart(kRowEstimate).Columns({}).Vint(0).Raw(open).Raw(KeyRow(1)).Raw(close).U8(1));
  ASSERT_EQ(mutation.ranges.size(), 1u);
  EXPECT_EQ(mutation.ranges[0].start.cut, "");
  EXPECT_GT(mutation.ranges[0].end.cut, mutation.rows[0].key);
  EXPECT_EQ(mutation.ranges[0].start.values, "");
}

TEST_F(MutationDecoderTest, RefusesMarkersThatDoNotPair) {
  const auto refused = [&](const std::string& markers) {
    return Refusal(RowBytes().Vint(1).Raw(FilmPart(kRowEstimate).Columns({}).Vint(0).Raw(markers).U8(1))).message;
  };
  EXPECT_THAT(refused(Marker(6, 1, {1})), HasSubstr("never began"));
  EXPECT_THAT(refused(Marker(1, 1, {1})), HasSubstr("without an end"));
  EXPECT_THAT(refused(Marker(1, 1, {1}) + Marker(1, 0, {1})), HasSubstr("within another"));
  EXPECT_THAT(refused(Marker(1, 1, {1}) + Marker(6, 0, {2})), HasSubstr("another time"));
  EXPECT_THAT(refused(Marker(1, 1, {1}) + Marker(6, 2, {1})), HasSubstr("before its beginning"));
  EXPECT_THAT(refused(Marker(3, 1, {1})), HasSubstr("unknown kind"));
  EXPECT_THAT(refused(RowBytes().U8(0x02).U8(1).U16(3).bytes()), HasSubstr("more values"));
}

// Rows of more than 64 columns say what they hold by indexes, of the present or of the missing.
TEST_F(MutationDecoderTest, ReadsSubsetsOfFewAndManyColumns) {
  std::vector<std::string> names;
  for (const Column& column : tables_.FindTable(TableId::FromBytes("wide-table-id-01"))->columns) {
    if (column.kind == ColumnKind::kRegular) names.push_back(column.name);
  }
  const auto decode = [&](size_t columns, const RowBytes& subset, int cells) {
    RowBytes part;
    part.Raw("wide-table-id-01").Text(Int(1)).U8(0x10).Stats(kEpoch).Columns({names.begin(), names.begin() + columns});
    part.Vint(1).U8(0x00).Raw(subset);
    for (int i = 0; i < cells; ++i) part.U8(0).Vint(1).I32(i);
    std::vector<int> ids;
    for (const Cell& cell : DecodeOne(part.U8(1)).rows[0].cells) ids.push_back(cell.column.value);
    return ids;
  };
  EXPECT_THAT(decode(4, RowBytes().Vint(0b0101), 2), ElementsAre(2, 4));
  EXPECT_THAT(decode(2, RowBytes().Vint(0), 2), ElementsAre(1, 2));
  EXPECT_EQ(decode(63, RowBytes().Vint(1), 62).front(), 2);
  EXPECT_THAT(decode(80, RowBytes().Vint(77).Vint(0).Vint(40).Vint(79), 3), ElementsAre(1, 41, 80));
  std::vector<int> all_but_two = decode(80, RowBytes().Vint(2).Vint(0).Vint(79), 78);
  EXPECT_EQ(all_but_two.front(), 2);
  EXPECT_EQ(all_but_two.back(), 79);
  // Half of 65, rounded down, is 32: of 32 present the missing are listed, of 31 the present.
  RowBytes missing;
  missing.Vint(33);
  for (int i = 0; i < 33; ++i) missing.Vint(i);
  EXPECT_EQ(decode(65, missing, 32).front(), 34);
}

TEST_F(MutationDecoderTest, RefusesSubsetsThatMakeNoSense) {
  const auto refused = [&](const RowBytes& subset) {
    return Refusal(RowBytes().Vint(1).Raw(
                       FilmPart(kRowEstimate).Columns({"title"}).Vint(1).U8(0).Raw(FilmClustering(1, "j")).Raw(subset)))
        .message;
  };
  EXPECT_THAT(refused(RowBytes().Vint(0b10)), HasSubstr("does not list"));
  EXPECT_THAT(refused(RowBytes().Vint(UINT64_MAX)), HasSubstr("does not list"));
}

TEST_F(MutationDecoderTest, TellsOfATableThatItDoesNotKnow) {
  const RowBytes film = FilmPart(kRowEstimate).Columns({}).Vint(1).Raw(KeyRow(1)).U8(1);
  const RowBytes unknown = RowBytes().Raw("nobody-knows-it!").Text(Int(842)).U8(0x01);
  const DecodedMutation& decoded = Decode(RowBytes().Vint(3).Raw(film).Raw(unknown).Raw(film));
  EXPECT_EQ(decoded.transaction.mutations.size(), 1u) << "what stands before is given";
  ASSERT_TRUE(decoded.unread.has_value());
  EXPECT_EQ(decoded.unread->table, TableId::FromBytes("nobody-knows-it!"));
  EXPECT_EQ(decoded.unread->schema, nullptr);
  EXPECT_EQ(decoded.unread->part, 1u);
  EXPECT_EQ(decoded.unread->parts, 3u);
  EXPECT_EQ(decoded.unread->bytes, unknown.bytes() + film.bytes()) << "the gap goes to the end";
  EXPECT_THAT(decoded.unread->Describe(),
              AllOf(HasSubstr(decoded.unread->table.ToString()), HasSubstr("part 2 of 3"), HasSubstr("schema")));
}

TEST_F(MutationDecoderTest, TellsOfAColumnThatItDoesNotKnow) {
  const DecodedMutation& decoded = Decode(RowBytes().Vint(1).Raw(FilmPart(kRowEstimate).Columns({"title", "budget"})));
  ASSERT_TRUE(decoded.unread.has_value());
  EXPECT_EQ(decoded.unread->column, "budget");
  EXPECT_THAT(decoded.unread->Describe(), AllOf(HasSubstr("ks.films"), HasSubstr("'budget'")));
  // A key column, or a static one among the regular ones, is none that can be there.
  EXPECT_TRUE(Decode(RowBytes().Vint(1).Raw(FilmPart(kRowEstimate).Columns({"who"}))).unread.has_value());
  EXPECT_TRUE(Decode(RowBytes().Vint(1).Raw(FilmPart(kRowEstimate).Columns({"studio"}))).unread.has_value());
}

TEST_F(MutationDecoderTest, LearnsManyListsOfColumnsAndMixesNoneUp) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 70; ++i) {
      const std::string name = {'c', static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
      const Mutation& mutation = DecodeOne(RowBytes()
                                               .Raw("wide-table-id-01")
                                               .Text(Int(1))
                                               .U8(0x10)
                                               .Stats(kEpoch)
                                               .Columns({name})
                                               .Vint(1)
                                               .U8(0x20)
                                               .U8(0)
                                               .Vint(1)
                                               .I32(i)
                                               .U8(1));
      ASSERT_EQ(mutation.rows[0].cells[0].column.value, i + 1);
    }
  }
}

TEST_F(MutationDecoderTest, ReadsLocalDeletionTimesOfBothMessagingVersions) {
  const auto row_deletion = [&](uint64_t ldt_delta, DeletionTimes times) {
    return DecodeOne(FilmPart(kRowEstimate)
                         .Columns({})
                         .Vint(1)
                         .U8(0x30)
                         .Raw(FilmClustering(1, "j"))
                         .Vint(5)
                         .Vint(ldt_delta)
                         .U8(1),
                     times)
        .rows[0]
        .deletion.local;
  };
  const auto delta = [](int64_t s) { return static_cast<uint64_t>(s - kStatsEpochS); };
  EXPECT_EQ(row_deletion(delta(2147483646), DeletionTimes::kSigned), UnixSeconds{2147483646});
  EXPECT_EQ(row_deletion(delta(2147483647), DeletionTimes::kSigned), UnixSeconds::Never());
  EXPECT_EQ(row_deletion(delta(-5), DeletionTimes::kSigned), kInvalidDeletionTime);
  EXPECT_EQ(row_deletion(delta(2147483647), DeletionTimes::kUnsigned), UnixSeconds{2147483647});
  EXPECT_EQ(row_deletion(delta(4294967293), DeletionTimes::kUnsigned), UnixSeconds{4294967293});
  EXPECT_EQ(row_deletion(delta(4294967293 - 4294967296), DeletionTimes::kUnsigned), UnixSeconds{4294967293});
  EXPECT_EQ(row_deletion(delta(4294967295), DeletionTimes::kUnsigned), UnixSeconds::Never());
}

TEST_F(MutationDecoderTest, RefusesWhatIsNoMutation) {
  EXPECT_EQ(Refusal(RowBytes()).code, ErrorCode::kCorrupt);
  EXPECT_EQ(Refusal(RowBytes().Vint(0).Raw(std::string(40, 'x'))).code, ErrorCode::kCorrupt);
  EXPECT_THAT(Refusal(RowBytes().Vint(1000).Raw(std::string(40, 'x'))).message, HasSubstr("1000 parts"));
  const RowBytes film = FilmPart(kRowEstimate).Columns({}).Vint(1).Raw(KeyRow(1)).U8(1);
  EXPECT_THAT(Refusal(RowBytes().Vint(1).Raw(film).U8(7)).message,
              AllOf(HasSubstr("ks.films"), HasSubstr("bytes behind the last part")));
  EXPECT_THAT(Refusal(RowBytes().Vint(1).Raw(FilmPart(0x02))).message, HasSubstr("reverse"));
  EXPECT_THAT(Refusal(RowBytes().Vint(1).Raw(FilmPart(kRowEstimate).Columns({"title", "title"}))).message,
              HasSubstr("twice"));
}

TEST_F(MutationDecoderTest, NeverReadsBeyondACut) {
  const std::string payload = RowBytes()
                                  .Vint(2)
                                  .Raw(FilmPart(kRowEstimate | 0x04)
                                           .Columns({"title", "tags"})
                                           .Vint(3)
                                           .Vint(4)
                                           .Vint(1)
                                           .U8(0x60)
                                           .Raw(FilmClustering(7, "joel"))
                                           .U8(0)
                                           .Vint(10)
                                           .Text("Fargo")
                                           .Vint(9)
                                           .Vint(1)
                                           .Vint(1)
                                           .U8(0x04)
                                           .Vint(10)
                                           .Text(Int(3))
                                           .Raw(Marker(1, 1, {1}))
                                           .Raw(Marker(6, 0, {1}))
                                           .U8(1))
                                  .Raw(FilmPart(kRowEstimate).Columns({}).Vint(1).Raw(KeyRow(1)).U8(1))
                                  .bytes();
  ASSERT_TRUE(decoder_.Decode(payload, DeletionTimes::kSigned, position_).has_value());
  for (size_t size = 0; size < payload.size(); ++size) {
    // A copy of its own, so that AddressSanitizer sees a byte too far.
    const std::vector<char> cut(payload.begin(), payload.begin() + static_cast<ptrdiff_t>(size));
    const auto decoded = decoder_.Decode({cut.data(), cut.size()}, DeletionTimes::kSigned, position_);
    EXPECT_TRUE(!decoded.has_value() || (*decoded)->unread.has_value()) << size;
  }
  for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
    std::string flipped = payload;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    (void)decoder_.Decode(flipped, DeletionTimes::kSigned, position_).has_value();
  }
}

TEST(IsSystemTableId, KnowsNameBasedIds) {
  EXPECT_TRUE(IsSystemTableId(TableId::FromBytes("\x7a\xd5\x43\x92\xbc\xdd\x35\xa6\x84\x17\x4e\x04\x78\x60\xb3\x77")));
  EXPECT_FALSE(IsSystemTableId(TableId::FromBytes("\x5a\x1c\x39\x5e\xb4\x1f\x11\xe5\x9f\x22\xba\x0b\xe0\x48\x3c\x18")));
}

}  // namespace
}  // namespace braid
