#include "cassandra/commitlog/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cassandra/commitlog/mutation_test_util.h"
#include "cassandra/commitlog/segment_test_util.h"

namespace braid {
namespace {

using ::testing::ElementsAre;

constexpr char kHead[] =
    R"({"segment":5,"position":POSITION,"part":0,"table":"66696c6d-732d-7461-626c-652d69642d30","keyspace":"ks",)"
    R"("name":"films","key":"0000034a",)";

// The lines that one mutation with this part gives, without what is the same in all.
std::vector<std::string> Dump(const std::vector<std::string>& payloads, const DumpOptions& options = {}) {
  const MemorySource source("the.log", SegmentBuilder(7, 5).Section(payloads).Bytes());
  const TablesForTest tables;
  std::vector<std::string> lines;
  const Result<DumpCounts> counts =
      DumpCommitLogs({&source}, tables, options, [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_TRUE(counts.has_value());
  return lines;
}

std::string LineOf(const RowBytes& part) {
  const std::string payload = RowBytes().Vint(1).Raw(part).bytes();
  const std::vector<std::string> lines = Dump({payload});
  if (lines.size() != 1) return "not one line";
  std::string head = kHead;
  head.replace(head.find("POSITION"), 8, std::to_string(28 + payload.size() + 12));
  EXPECT_TRUE(lines[0].starts_with(head)) << lines[0];
  EXPECT_TRUE(lines[0].ends_with("}\n"));
  return lines[0].substr(head.size(), lines[0].size() - head.size() - 2);
}

TEST(DumpCommitLogs, PrintsRowsAndCells) {
  EXPECT_EQ(LineOf(FilmPart(0x10 | 0x04)
                       .Columns({"title", "cast"})
                       .Vint(3)
                       .Vint(4)
                       .Vint(1)
                       .U8(0x6C)
                       .Raw(FilmClustering(7, "joel"))
                       .Vint(10)
                       .Vint(60)
                       .Vint(100)
                       .U8(0x08)
                       .Text("Fargo")
                       .Vint(9)
                       .Vint(1)
                       .Vint(2)
                       .U8(0x1A)
                       .Text("a")
                       .Text(Int(1))
                       .U8(0x0D)
                       .Vint(2)
                       .Text("b")
                       .U8(1)),
            R"("deletion":[1442880000000003,1442880004],"static":null,"rows":[{"clustering":["00000007","6a6f656c"],)"
            R"("liveness":[1442880000000010,60,1442880100],"deletion":null,)"
            R"("complex":[["cast",1442880000000009,1442880001]],)"
            R"("cells":[["title",null,"live",1442880000000010,0,null,"466172676f"],)"
            R"(["cast","61","expiring",1442880000000010,60,1442880100,"00000001"],)"
            R"(["cast","62","deleted",1442880000000010,0,1442880002,null]]}])");
}

TEST(DumpCommitLogs, PrintsMarkersAmongRowsAsCassandraIteratesThem) {
  const auto marker = [](uint8_t kind, int32_t at) {
    return RowBytes().U8(0x02).U8(kind).U16(1).Vint(0).I32(at).bytes();
  };
  const auto row = [](int32_t at) { return RowBytes().U8(0x24).Raw(FilmClustering(at, "")).Vint(5).bytes(); };
  EXPECT_EQ(
      LineOf(FilmPart(0x10)
                 .Columns({})
                 .Vint(0)
                 .Raw(marker(1, 3))
                 .Vint(1)
                 .Vint(1)
                 .Raw(row(2))
                 .Raw(marker(5, 1))
                 .Vint(1)
                 .Vint(1)
                 .Vint(2)
                 .Vint(2)
                 .Raw(RowBytes().U8(0x02).U8(6).U16(0).bytes())
                 .Vint(2)
                 .Vint(2)
                 .U8(1)),
      R"("deletion":null,"static":null,"rows":[)"
      R"({"marker":"INCL_START","clustering":["00000003"],"deletion":[1442880000000001,1442880001]},)"
      R"({"clustering":["00000002",""],"liveness":[1442880000000005,0,null],"deletion":null,"complex":[],"cells":[]},)"
      R"({"marker":"INCL_END_EXCL_START","clustering":["00000001"],"end":[1442880000000001,1442880001],)"
      R"("start":[1442880000000002,1442880002]},)"
      R"({"marker":"INCL_END","clustering":[],"deletion":[1442880000000002,1442880002]}])");
}

TEST(DumpCommitLogs, OrdersColumnsAsCassandraDoes) {
  // Simple ones first; a name that begins with a byte of 0x80 or more before all others.
  const std::vector<TableSchema> tables = {SchemaBuilderForTest("films-table-id-0", "t")
                                               .Add(ColumnKind::kPartitionKey, "id", TypeKind::kInt)
                                               .Add(ColumnKind::kRegular, "a", SetOf(SimpleType(TypeKind::kInt), false))
                                               .Add(ColumnKind::kRegular, "b", TypeKind::kInt)
                                               .Add(ColumnKind::kRegular, "\xC3\x84", TypeKind::kInt)
                                               .Build()};
  const TablesForTest lookup(tables);
  MutationDecoder decoder(&lookup);
  const std::string payload = RowBytes()
                                  .Vint(1)
                                  .Raw(FilmPart(0x10)
                                           .Columns({"\xC3\x84", "b", "a"})
                                           .Vint(1)
                                           .U8(0x24)
                                           .Vint(1)
                                           .U8(0x0C)
                                           .U8(0x0C)
                                           .Vint(1)
                                           .U8(0x0C)
                                           .Text("x")
                                           .U8(1))
                                  .bytes();
  const DecodedMutation& decoded = **decoder.Decode(payload, DeletionTimes::kSigned, {});
  MutationPrinter printer;
  const std::string line(printer.Print(decoded.transaction.mutations[0], 0));
  const size_t umlaut = line.find("\xC3\x84");
  EXPECT_LT(umlaut, line.find(R"(["b")"));
  EXPECT_LT(line.find(R"(["b")"), line.find(R"(["a")"));
}

TEST(DumpCommitLogs, LeavesOutWhatIsNotAskedFor) {
  const RowBytes film = RowBytes().Raw("films-table-id-0").Text(Int(1)).U8(0x01);
  const RowBytes wide = RowBytes().Raw("wide-table-id-01").Text(Int(1)).U8(0x01);
  const RowBytes unknown = RowBytes().Raw("nobody-knows-it!").Text(Int(1)).U8(0x01);
  const std::string both = RowBytes().Vint(2).Raw(wide).Raw(film).bytes();
  const std::string dark = RowBytes().Vint(2).Raw(wide).Raw(unknown).bytes();
  EXPECT_EQ(Dump({both, dark}).size(), 2u) << "a mutation of which a part is unknown is left out whole";
  const std::vector<std::string> films = Dump({both, dark}, {.table = "ks.films"});
  ASSERT_EQ(films.size(), 1u);
  EXPECT_NE(films[0].find(R"("part":1)"), std::string::npos);
  EXPECT_TRUE(Dump({both}, {.table = "ks.film"}).empty());
}

TEST(DumpCommitLogs, SkipsCassandrasOwnKeyspaces) {
  EXPECT_TRUE(IsSystemKeyspace("system"));
  EXPECT_TRUE(IsSystemKeyspace("system_auth"));
  EXPECT_FALSE(IsSystemKeyspace("systems"));
  EXPECT_FALSE(IsSystemKeyspace("vault"));
}

TEST(CountCommitLogs, CountsMutationsCellsAndBytes) {
  const std::string film = RowBytes()
                               .Vint(1)
                               .Raw(FilmPart(0x10)
                                        .Columns({"title"})
                                        .Vint(1)
                                        .U8(0x20)
                                        .Raw(FilmClustering(1, "j"))
                                        .U8(0)
                                        .Vint(1)
                                        .Text("x")
                                        .U8(1))
                               .bytes();
  const MemorySource source("the.log", SegmentBuilder(7, 5).Section({film, film}).Bytes());
  const TablesForTest tables;
  MutationDecoder decoder(&tables);
  for (int pass = 0; pass < 2; ++pass) {
    const DumpCounts counts = CountCommitLogs({&source, &source}, {}, &decoder).value();
    EXPECT_EQ(counts.mutations, 4u);
    EXPECT_EQ(counts.cells, 4u);
    EXPECT_EQ(counts.bytes, 4 * film.size());
  }
  EXPECT_EQ(CountCommitLogs({&source}, {.table = "ks.other"}, &decoder).value().mutations, 0u);
}

}  // namespace
}  // namespace braid
