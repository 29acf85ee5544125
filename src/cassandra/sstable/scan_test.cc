#include "cassandra/sstable/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/vint.h"
#include "cassandra/murmur3/murmur3.h"
#include "cassandra/sstable/sstable_test_util.h"
#include "model/key.h"

namespace braid {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two keys in the order of their tokens.
std::pair<std::string, std::string> OrderedKeys() {
  std::string a = IntBytes(1);
  std::string b = IntBytes(2);
  if (Murmur3Token(b) < Murmur3Token(a)) std::swap(a, b);
  return {a, b};
}

TableSchemaPtr SchemaOf(const Sstable& sstable) {
  return SchemaOfHeader(sstable.header(), "k", "t", TableId{}, {"p"});
}

int32_t IntOf(ByteView clustering) {
  ClusteringReader reader(clustering);
  const auto value = reader.Next();
  return value.has_value() && value->bytes.size() == 4 ? LoadBigEndian<int32_t>(value->bytes.data()) : -1;
}

// What a scan gives, as text: for each piece its rows "c=v" and ranges "[a,b)@ts", in the order of their places.
Result<std::vector<std::string>> Scan(const SstableBytes& bytes, ScanOptions options = {}) {
  ASSIGN_OR_RETURN(const auto sstable, OpenBytes(bytes));
  ASSIGN_OR_RETURN(const auto scanner, SstableScanner::Open(sstable.get(), SchemaOf(*sstable), options));
  std::vector<std::string> pieces;
  for (;;) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, scanner->Next());
    if (piece == nullptr) return pieces;
    std::string text = piece->first ? "<" : "";
    const Mutation& mutation = piece->mutation;
    if (!mutation.partition_deletion.live()) {
      text += "x" + std::to_string(mutation.partition_deletion.at.us) + "/" +
              std::to_string(mutation.partition_deletion.local.s) + " ";
    }
    if (mutation.static_row != nullptr) text += "s=" + std::string(mutation.static_row->cells[0].value) + " ";
    for (const RowUpdate& row : mutation.rows) {
      text += std::to_string(IntOf(row.clustering)) + "=" + std::string(row.cells[0].value) + " ";
    }
    for (const RangeDeletion& range : mutation.ranges) {
      text += (range.start.inclusive ? "[" : "(") + std::to_string(IntOf(range.start.values)) + "," +
              std::to_string(IntOf(range.end.values)) + (range.end.inclusive ? "]" : ")") + "@" +
              std::to_string(range.deletion.at.us - kStatsEpochUs) + " ";
    }
    if (piece->last) text += ">";
    pieces.push_back(text);
  }
}

std::string Partition(const std::string& key, const std::string& rows) {
  return PartitionStart(key) + rows + kPartitionEnd;
}

TEST(ScanTest, GivesPartitionsInOrder) {
  const auto [a, b] = OrderedKeys();
  const auto pieces = Scan(MakeSstable({Partition(a, IntRow(1, "x") + IntRow(2, "y")), Partition(b, IntRow(7, "z"))}));
  ASSERT_TRUE(pieces.has_value()) << pieces.error().message;
  EXPECT_THAT(*pieces, ElementsAre("<1=x 2=y >", "<7=z >"));
  EXPECT_TRUE(Scan(MakeSstable({}))->empty());
}

TEST(ScanTest, RefusesPartitionsOutOfOrder) {
  const auto [a, b] = OrderedKeys();
  for (const auto& [first, second] : {std::pair(b, a), std::pair(a, a)}) {
    const auto pieces = Scan(MakeSstable({Partition(first, ""), Partition(second, "")}));
    ASSERT_FALSE(pieces.has_value());
    EXPECT_THAT(pieces.error().message, HasSubstr("does not come after"));
  }
}

TEST(ScanTest, RefusesRowsOutOfOrder) {
  for (const int32_t second : {1, 0}) {
    const auto pieces = Scan(MakeSstable({Partition(IntBytes(1), IntRow(1, "x") + IntRow(second, "y"))}));
    EXPECT_THAT(pieces.error().message, HasSubstr("a row does not come after"));
  }
}

TEST(ScanTest, ReadsStaticRowsAndEmptyOnes) {
  StatisticsSpec spec;
  spec.statics = {{"s", kTextClass}};
  const auto [a, b] = OrderedKeys();
  const std::string body = RowBytes().Vint(0).U8(0x00).Vint(1).Text("st").bytes();
  const std::string with = RowBytes().U8(0x80 | 0x20).U8(0x01).Vint(body.size()).Raw(body).bytes();
  const std::string without = RowBytes().U8(0x80).U8(0x01).Vint(2).Vint(0).Vint(1).bytes();
  const auto pieces = Scan(MakeSstable({Partition(a, with + IntRow(1, "x")), Partition(b, without)}, spec));
  ASSERT_TRUE(pieces.has_value()) << pieces.error().message;
  EXPECT_THAT(*pieces, ElementsAre("<s=st 1=x >", "<>"));
}

TEST(ScanTest, ReadsPartitionDeletionsOfBothForms) {
  const std::string key = IntBytes(1);
  const std::string old_form = RowBytes().U16(4).Raw(key).I32(1700000000).I64(1234).Raw(kPartitionEnd).bytes();
  EXPECT_THAT(*Scan(MakeSstable({old_form})), ElementsAre("<x1234/1700000000 >"));
  const std::string invalid = RowBytes().U16(4).Raw(key).I32(-5).I64(1234).Raw(kPartitionEnd).bytes();
  EXPECT_THAT(*Scan(MakeSstable({invalid})), ElementsAre("<x1234/4294967294 >"));

  const auto scan_new = [](const std::string& partition) {
    return Scan(MakeSstable({partition}, {}, SstableVersion::kOa));
  };
  const std::string new_form =
      RowBytes().U16(4).Raw(key).I64(1234).I32(static_cast<int32_t>(4000000000)).Raw(kPartitionEnd).bytes();
  EXPECT_THAT(*scan_new(new_form), ElementsAre("<x1234/4000000000 >"));
  EXPECT_THAT(*scan_new(RowBytes().U16(4).Raw(key).U8(0x80).Raw(kPartitionEnd).bytes()), ElementsAre("<>"));
  const auto flags = scan_new(RowBytes().U16(4).Raw(key).U8(0x81).Raw(std::string(12, '\0')).bytes());
  EXPECT_THAT(flags.error().message, HasSubstr("unknown flags"));
}

// A range that reaches across pieces is cut between them; together the cuts are the range.
TEST(ScanTest, CutsRangesBetweenPieces) {
  const std::string rows = Marker(1, 1, {{50, 5}}) + IntRow(1, "a", 60) + IntRow(2, "b", 60) + IntRow(3, "c", 60) +
                           Marker(2, 4, {{50, 5}, {70, 6}}) + IntRow(5, "d", 80) + Marker(6, 6, {{70, 6}}) +
                           IntRow(7, "e");
  const SstableBytes bytes = MakeSstable({Partition(IntBytes(1), rows)});
  EXPECT_THAT(*Scan(bytes), ElementsAre("<1=a 2=b 3=c 5=d 7=e [1,4)@50 [4,6]@70 >"));
  ScanOptions options;
  options.piece_rows = 2;
  EXPECT_THAT(*Scan(bytes, options), ElementsAre("<1=a 2=b [1,2]@50 ", "3=c (2,4)@50 ", "5=d [4,6]@70 ", "7=e >"));
  options.piece_rows = 1;
  EXPECT_THAT(*Scan(bytes, options), ElementsAre("<1=a [1,1]@50 ", "2=b (1,2]@50 ", "3=c (2,3]@50 ", "(3,4)@50 ",
                                                 "5=d [4,5]@70 ", "(5,6]@70 ", "7=e ", ">"));
  options.piece_rows = 1000;
  options.piece_bytes = 1;
  const auto smallest = Scan(bytes, options);
  ASSERT_TRUE(smallest.has_value());
  EXPECT_EQ(smallest->size(), 9u);  // a record each, and the end
}

TEST(ScanTest, RefusesRangesThatDoNotFit) {
  const std::string key = IntBytes(1);
  EXPECT_THAT(Scan(MakeSstable({Partition(key, Marker(1, 1, {{50, 5}}))})).error().message,
              HasSubstr("does not end with its partition"));
  EXPECT_FALSE(Scan(MakeSstable({Partition(key, Marker(6, 1, {{50, 5}}))})).has_value());
  EXPECT_FALSE(Scan(MakeSstable({Partition(key, Marker(1, 1, {{50, 5}}) + Marker(6, 2, {{51, 5}}))})).has_value());
}

// Rows larger than the window are read whole, within a limit.
TEST(ScanTest, ReadsRowsLargerThanTheWindow) {
  const std::string large(3 << 20, 'x');
  const SstableBytes bytes = MakeSstable({Partition(IntBytes(1), IntRow(1, "a") + IntRow(2, large) + IntRow(3, "b"))},
                                         {}, SstableVersion::kNb, 4096);
  const auto pieces = Scan(bytes);
  ASSERT_TRUE(pieces.has_value()) << pieces.error().message;
  EXPECT_THAT(*pieces, ElementsAre("<1=a 2=" + large + " ", "3=b >"));
  ScanOptions options;
  options.max_row_bytes = 1 << 20;
  EXPECT_THAT(Scan(bytes, options).error().message, HasSubstr("a row of more than 1048576 bytes, or damage"));
}

TEST(ScanTest, SchemaAndFileMustAgree) {
  const auto sstable = OpenBytes(MakeSstable({}));
  ASSERT_TRUE(sstable.has_value());
  const auto open = [&](const TableSchema& schema) {
    const auto scanner = SstableScanner::Open(sstable->get(), std::make_shared<TableSchema>(schema));
    return scanner.has_value() ? std::string("fine") : std::string(ErrorCodeName(scanner.error().code));
  };
  const TableSchema good = *SchemaOf(**sstable);
  EXPECT_EQ(open(good), "fine");
  TableSchema older = good;
  older.columns.pop_back();
  older.IndexColumns();
  EXPECT_EQ(open(older), ErrorCodeName(ErrorCode::kNotFound));
  TableSchema another = good;
  another.columns[2].kind = ColumnKind::kStatic;
  another.IndexColumns();
  EXPECT_EQ(open(another), ErrorCodeName(ErrorCode::kCorrupt));
  TableSchema collection = good;
  collection.columns[2].type = SetOf(SimpleType(TypeKind::kText), false);
  EXPECT_EQ(open(collection), ErrorCodeName(ErrorCode::kCorrupt));
  TableSchema reversed = good;
  reversed.columns[1].descending = true;
  EXPECT_EQ(open(reversed), ErrorCodeName(ErrorCode::kCorrupt));

  StatisticsSpec ordered;
  ordered.partitioner = "org.apache.cassandra.dht.ByteOrderedPartitioner";
  EXPECT_EQ(Scan(MakeSstable({}, ordered)).error().code, ErrorCode::kUnsupported);
}

TEST(ScanTest, LeavesOutDroppedAndExcludedColumns) {
  const auto sstable = OpenBytes(MakeSstable({Partition(IntBytes(1), IntRow(1, "old", 5) + IntRow(2, "new", 9))}));
  TableSchema schema = *SchemaOf(**sstable);
  schema.columns[2].dropped_at = {kStatsEpochUs + 5};
  ScanOptions options;
  auto scanner = SstableScanner::Open(sstable->get(), std::make_shared<TableSchema>(schema));
  const SstablePiece* piece = *(*scanner)->Next();
  ASSERT_EQ(piece->mutation.rows.size(), 2u);  // their markers stay
  EXPECT_TRUE(piece->mutation.rows[0].cells.empty());
  EXPECT_EQ(piece->mutation.rows[1].cells.size(), 1u);
  options.excluded = {ColumnId{2}};
  scanner = SstableScanner::Open(sstable->get(), std::make_shared<TableSchema>(schema), options);
  EXPECT_TRUE((*(*scanner)->Next())->mutation.rows[1].cells.empty());
}

// Damage is told, and the partitions behind it can be reached by the index.
TEST(ScanTest, SkipsDamageByTheIndex) {
  const auto [a, b] = OrderedKeys();
  SstableBytes bytes = MakeSstable({Partition(a, IntRow(1, std::string(200, 'x'))), Partition(b, IntRow(2, "y"))});
  bytes.data[100] = '!';
  const auto sstable = OpenBytes(bytes);
  const auto scanner = SstableScanner::Open(sstable->get(), SchemaOf(**sstable));
  const auto damaged = (*scanner)->Next();
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(damaged.error().message, HasSubstr("Data.db: offset 64: chunk 1"));
  EXPECT_FALSE((*scanner)->Next().has_value());
  const auto skipped = (*scanner)->SkipDamage();
  ASSERT_TRUE(skipped.has_value() && skipped->has_value());
  const auto next = (*scanner)->Next();
  ASSERT_TRUE(next.has_value()) << next.error().message;
  EXPECT_EQ((*next)->mutation.partition_key, b);
  EXPECT_EQ(*(*scanner)->Next(), nullptr);

  bytes.index.clear();
  const auto blind = OpenBytes(bytes);
  const auto lost = SstableScanner::Open(blind->get(), SchemaOf(**blind));
  EXPECT_FALSE((*lost)->Next().has_value());
  EXPECT_FALSE((*lost)->SkipDamage()->has_value());
}

// Under good checksums every cut and flip of the data ends in rows or in an error, and quickly.
TEST(ScanTest, WithstandsAnyData) {
  const std::string rows = Marker(1, 1, {{50, 5}}) + IntRow(1, "abc", 60) + Marker(6, 2, {{50, 5}}) + IntRow(3, "d");
  const SstableBytes good = MakeSstable({Partition(IntBytes(1), rows)});
  for (size_t i = 0; i < good.data.size(); ++i) {
    SstableBytes cut = good;
    cut.data.resize(i);
    cut.crc = MakeCrc(cut.data, 64);
    EXPECT_EQ(Scan(cut).has_value(), i == 0) << i;
    for (int bit = 0; bit < 8; ++bit) {
      SstableBytes flipped = good;
      flipped.data[i] = static_cast<char>(flipped.data[i] ^ (1 << bit));
      flipped.crc = MakeCrc(flipped.data, 64);
      const auto pieces = Scan(flipped);
      if (!pieces.has_value()) {
        EXPECT_THAT(pieces.error().message, HasSubstr("offset"));
      }
    }
  }
}

}  // namespace
}  // namespace braid
