#include "cassandra/sstable/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cassandra/murmur3/murmur3.h"
#include "cassandra/sstable/trie_index.h"
#include "cassandra/types/comparable.h"

namespace braid {
namespace {

constexpr std::string_view kMurmur3 = "org.apache.cassandra.dht.Murmur3Partitioner";
// A partition's deletion takes at most as much.
constexpr uint64_t kMaxDeletionBytes = 12;
constexpr uint8_t kLiveDeletion = 0x80;
// The flags of the record that ends a partition.
constexpr uint8_t kEndOfPartition = 0x01;
// A place so near is reached faster from the file's beginning than by proving it.
constexpr uint64_t kNearBytes = 64 << 10;

Error Contradiction(const Sstable& sstable, const TableSchema& schema, const std::string& what) {
  return Corrupt(
      fmt::format("{}: {}; the file is not of the table {} as the schema has it (id {}): read the schema of "
                  "the node that has the file",
                  sstable.name(), what, schema.FullName(), schema.table_id.ToString()));
}

Result<ColumnList> MakeColumnList(const Sstable& sstable, const TableSchema& schema, ColumnKind kind,
                                  const std::vector<SstableColumn>& columns, const std::vector<ColumnId>& excluded) {
  std::vector<HeaderColumn> list;
  for (const SstableColumn& written : columns) {
    const Column* column = schema.FindColumn(written.name);
    if (column == nullptr) {
      return NotFound(fmt::format("{}: has a column '{}' that the schema of {} does not know; read the schema again",
                                  sstable.name(), written.name, schema.FullName()));
    }
    if (column->kind != kind || column->multi_cell() != written.type->multi_cell()) {
      return Contradiction(
          sstable, schema,
          fmt::format("column '{}' is of another kind or type: {}", written.name, ToCql(*written.type)));
    }
    list.push_back(MakeHeaderColumn(*column, *written.type, excluded));
  }
  return ColumnList(std::move(list));
}

Status CheckClustering(const Sstable& sstable, const TableSchema& schema) {
  const std::vector<JavaType>& written = sstable.header().clustering;
  if (written.size() != schema.clustering.size()) {
    return Contradiction(sstable, schema, fmt::format("it has {} clustering columns", written.size()));
  }
  for (size_t i = 0; i < written.size(); ++i) {
    if (written[i].reversed != schema.column(schema.clustering[i]).descending) {
      return Contradiction(sstable, schema, fmt::format("clustering column {} runs the other way", i + 1));
    }
  }
  return {};
}

// Up to "nb": seconds, then the time; live is the greatest of one and the least of the other. From "oa" on: the time,
// whose first byte says by its top bit that there is none, then unsigned seconds.
Deletion ReadPartitionDeletion(Cursor* from, DeletionTimes times) {
  Deletion deletion;
  if (times == DeletionTimes::kUnsigned) {
    const uint8_t first = static_cast<uint8_t>(from->remaining() == 0 ? 0 : *from->position());
    if (first == kLiveDeletion) {
      from->Skip(1);
    } else if ((first & kLiveDeletion) != 0) {
      from->Fail("a partition's deletion has unknown flags");
    } else {
      deletion.at = {from->I64()};
      deletion.local = {from->U32()};
    }
    return deletion;
  }
  const int32_t seconds = from->I32();
  deletion.at = {from->I64()};
  if (!deletion.at.none()) deletion.local = seconds < 0 ? kInvalidDeletionTime : UnixSeconds{seconds};
  return deletion;
}

ClusteringLayout MakeLayout(const Sstable& sstable, const TableSchema& schema) {
  std::vector<TypePtr> types;
  for (const JavaType& type : sstable.header().clustering) types.push_back(type.type);
  return ClusteringLayout(schema, types);
}

}  // namespace

SstableScanner::SstableScanner(const Sstable* sstable, TableSchemaPtr schema, ClusteringLayout layout,
                               ScanOptions options)
    : sstable_(sstable),
      chunks_(sstable->chunks().Clone(options.window_bytes)),
      schema_(std::move(schema)),
      options_(std::move(options)),
      layout_(std::move(layout)),
      times_(HasUnsignedDeletionTimes(sstable->descriptor().version) ? DeletionTimes::kUnsigned
                                                                     : DeletionTimes::kSigned),
      reader_(&layout_, /*sized=*/true),
      window_(chunks_.get(), options_.window_bytes),
      index_(sstable->index()),
      range_end_(chunks_->length()) {}

Result<std::unique_ptr<SstableScanner>> SstableScanner::Open(const Sstable* sstable, TableSchemaPtr schema,
                                                             ScanOptions options) {
  const SstableHeader& header = sstable->header();
  if (sstable->statistics().partitioner != kMurmur3) {
    return Unsupported(fmt::format("{}: its partitioner is {}; only {} can be read", sstable->name(),
                                   sstable->statistics().partitioner, kMurmur3));
  }
  TRY(CheckClustering(*sstable, *schema));
  const TableSchema& table = *schema;  // which the scanner keeps
  std::unique_ptr<SstableScanner> scanner(
      new SstableScanner(sstable, std::move(schema), MakeLayout(*sstable, table), std::move(options)));
  const std::vector<ColumnId>& excluded = scanner->options_.excluded;
  ASSIGN_OR_RETURN(scanner->statics_, MakeColumnList(*sstable, table, ColumnKind::kStatic, header.statics, excluded));
  ASSIGN_OR_RETURN(scanner->regulars_,
                   MakeColumnList(*sstable, table, ColumnKind::kRegular, header.regulars, excluded));
  scanner->reader_.SetHeader(header.encoding, scanner->times_, header.statics.empty() ? nullptr : &scanner->statics_,
                             &scanner->regulars_);
  return scanner;
}

Error SstableScanner::Damaged(const std::string& what) const {
  const std::string where =
      in_partition_ ? fmt::format(", in the partition at {}", piece_.partition_offset) : std::string();
  return Corrupt(fmt::format("{}: uncompressed offset {}{}: {}", sstable_->name(), window_.position(), where, what));
}

Status SstableScanner::Seek() {
  sought_ = true;
  const TokenRange& tokens = options_.tokens;
  if (tokens.through.value != INT64_MAX) {
    const std::vector<PartitionPlace> last = sstable_->Floor(tokens.through);
    if (!last.empty()) range_end_ = std::min(last.front().offset, range_end_);
  }
  if (tokens.after.value == INT64_MIN) return {};
  for (const PartitionPlace& place : sstable_->Floor(tokens.after)) {
    if (place.offset < kNearBytes) break;
    ASSIGN_OR_RETURN(const bool proved, Proves(place));
    if (proved) break;
    window_.MoveTo(0);
  }
  range_begin_ = window_.position();
  return {};
}

// The index is not under a checksum. What it says is right if the byte at the end of a partition stands before the
// place, and behind it the key that the index has, or one that begins as it says.
Result<bool> SstableScanner::Proves(const PartitionPlace& place) {
  if (place.offset >= chunks_->length()) return false;
  window_.MoveTo(place.offset - 1);
  TRY(window_.Fill(1));
  if (Cursor(window_.view()).U8() != kEndOfPartition) return false;
  window_.Consume(1);
  ASSIGN_OR_RETURN(const std::optional<Token> token, TokenAt(place));
  return token.has_value() && *token <= options_.tokens.after;
}

Result<std::optional<Token>> SstableScanner::TokenAt(const PartitionPlace& place) {
  TRY(window_.Fill(sizeof(uint16_t)));
  TRY(window_.Fill(sizeof(uint16_t) + Cursor(window_.view()).U16()));
  Cursor cursor(window_.view());
  const ByteView key = cursor.Bytes(cursor.U16());
  if (!cursor.ok()) return std::optional<Token>();
  const Token token = Murmur3Token(key);
  const bool same = place.key.has_value() ? *place.key == key : OrderedToken(token).starts_with(place.token_prefix);
  return same ? std::optional<Token>(token) : std::nullopt;
}

Result<const SstablePiece*> SstableScanner::Next() {
  if (failed_) return Damaged("the scan has failed before");
  failed_ = true;  // until the piece is whole
  if (!sought_) TRY(Seek());
  do {
    ASSIGN_OR_RETURN(const bool more, ReadNextPiece());
    if (!more) {
      failed_ = false;
      return nullptr;
    }
  } while (options_.tokens.StartsAfter(token_));
  Mutation& mutation = piece_.mutation;
  mutation.schema = schema_.get();
  mutation.token = token_;
  mutation.partition_key = key_;
  mutation.rows = {rows_.data(), row_count_};
  mutation.ranges = ranges_;
  failed_ = false;
  return &piece_;
}

Result<bool> SstableScanner::ReadNextPiece() {
  row_count_ = 0;
  ranges_.clear();
  arena_.Reset();
  window_.Release();
  CarryOpenRange();
  // All else of it is set when a partition begins, or when the piece is whole.
  piece_.mutation.partition_deletion = {};
  piece_.mutation.static_row = nullptr;
  piece_.first = !in_partition_;
  if (!in_partition_) {
    if (window_.remaining() == 0 || range_over_) return false;
    TRY(BeginPartition());
    if (range_over_) return false;
  }
  TRY(ReadPiece());
  return true;
}

Status SstableScanner::BeginPartition() {
  piece_.partition_offset = window_.position();
  pairer_.Reset();
  last_row_.reset();
  if (!window_.Has(sizeof(uint16_t))) TRY(window_.Fill(sizeof(uint16_t)));
  const uint64_t start_bytes = sizeof(uint16_t) + Cursor(window_.view()).U16() + kMaxDeletionBytes;
  if (!window_.Has(start_bytes)) TRY(window_.Fill(start_bytes));
  in_partition_ = true;
  Cursor cursor(window_.view());
  const ByteView key = cursor.Bytes(cursor.U16());
  if (!cursor.ok()) return Damaged(cursor.reason());
  const Token token = Murmur3Token(key);
  if (any_partition_ && (token < token_ || (token == token_ && key <= key_))) {
    return Damaged("the partition's key does not come after the one before it");
  }
  any_partition_ = true;
  if (token > options_.tokens.through) {
    range_over_ = true;
    in_partition_ = false;
    return {};
  }
  key_ = key;
  token_ = token;
  piece_.mutation.partition_deletion = ReadPartitionDeletion(&cursor, times_);
  if (!cursor.ok()) return Damaged(cursor.reason());
  window_.Consume(cursor.offset());
  if (!sstable_->header().statics.empty()) TRY(ReadStaticRow());
  return {};
}

Status SstableScanner::ReadStaticRow() {
  RowUpdate* row = arena_.New<RowUpdate>();
  RangeMarker unused;
  ASSIGN_OR_RETURN(const RowReader::Kind kind, ReadRecord(true, row, &unused));
  if (kind == RowReader::Kind::kRow) piece_.mutation.static_row = row;
  return {};
}

Result<RowReader::Kind> SstableScanner::ReadRecord(bool statics, RowUpdate* row, RangeMarker* marker) {
  for (;;) {
    RowReader::Kind kind = RowReader::Kind::kEnd;
    if (TryRecord(statics, row, marker, &kind)) return kind;
    // It may only want for the bytes behind the window.
    const uint64_t had = window_.view().size();
    if (window_.whole()) return Damaged(reason_);
    if (had >= options_.max_row_bytes) {
      return Damaged(fmt::format("a row of more than {} bytes, or damage: {}", options_.max_row_bytes, reason_));
    }
    TRY(window_.Fill(std::min<uint64_t>(2 * had + 1, options_.max_row_bytes)));
  }
}

bool SstableScanner::TryRecord(bool statics, RowUpdate* row, RangeMarker* marker, RowReader::Kind* kind) {
  Cursor cursor(window_.view());
  if (statics) {
    *kind = reader_.ReadStatic(&cursor, &arena_, row) ? RowReader::Kind::kRow : RowReader::Kind::kEmpty;
  } else {
    *kind = reader_.Next(&cursor, &arena_, row, marker);
  }
  if (!cursor.ok()) [[unlikely]] {
    reason_ = cursor.reason();
    return false;
  }
  window_.Consume(cursor.offset());
  return true;
}

bool SstableScanner::PieceFull(uint64_t piece_start) const {
  return row_count_ + ranges_.size() >= options_.piece_rows || window_.position() - piece_start >= options_.piece_bytes;
}

Status SstableScanner::ReadPiece() {
  const uint64_t piece_start = window_.position();
  while (!PieceFull(piece_start) || window_.position() == piece_start) {
    if (row_count_ == rows_.size()) rows_.emplace_back();
    RowUpdate& row = rows_[row_count_];
    RowReader::Kind kind = RowReader::Kind::kEnd;
    if (!TryRecord(false, &row, &marker_, &kind)) [[unlikely]] {
      ASSIGN_OR_RETURN(kind, ReadRecord(false, &row, &marker_));
    }
    if (kind == RowReader::Kind::kRow) {
      if (last_row_.has_value() && row.key <= *last_row_) [[unlikely]]
        return Damaged("a row does not come after the one before it");
      last_row_ = row.key;
      ++row_count_;
    } else if (kind == RowReader::Kind::kMarker) {
      TRY(TakeMarker(marker_));
    } else if (kind == RowReader::Kind::kEnd) {
      if (pairer_.open() != nullptr) return Damaged("a range deletion does not end with its partition");
      in_partition_ = false;
      piece_.last = true;
      return {};
    }
  }
  piece_.last = false;
  CutOpenRange();
  if (last_row_.has_value()) {
    last_row_carried_ = *last_row_;
    last_row_ = last_row_carried_;
  }
  return {};
}

Status SstableScanner::TakeMarker(const RangeMarker& marker) {
  const std::optional<RangeDeletion> closed = pairer_.Take(marker);
  if (pairer_.error() != nullptr) return Damaged(pairer_.error());
  // Nothing is left of a range that ends at the very place where the last piece did.
  if (closed.has_value() && closed->start.cut != closed->end.cut) ranges_.push_back(*closed);
  return {};
}

void SstableScanner::CutOpenRange() {
  RangeDeletion* open = pairer_.open();
  if (open == nullptr) return;
  if (last_row_.has_value() && *last_row_ >= open->start.cut) {
    std::string cut(*last_row_);
    AppendCutAfter(&cut);
    RangeDeletion part = *open;
    part.end = {.cut = arena_.Copy(cut),
                .values = row_count_ == 0 ? ByteView() : rows_[row_count_ - 1].clustering,
                .size = static_cast<uint16_t>(layout_.size()),
                .inclusive = true};
    ranges_.push_back(part);
    open->start = part.end;
    open->start.inclusive = false;
  }
  open_cut_carried_ = open->start.cut;
  open_values_carried_ = open->start.values;
}

void SstableScanner::CarryOpenRange() {
  RangeDeletion* open = pairer_.open();
  if (open == nullptr) return;
  open->start.cut = arena_.Copy(open_cut_carried_);
  open->start.values = arena_.Copy(open_values_carried_);
}

Result<std::optional<uint64_t>> SstableScanner::SkipDamage() {
  const uint64_t from = window_.position();
  std::optional<PartitionPlace> next;
  if (sstable_->index() != nullptr) {
    ASSIGN_OR_RETURN(next, index_.FirstAfter(from));
  } else {
    next = sstable_->FirstInTrie(from, any_partition_ ? token_ : Token{INT64_MIN});
  }
  if (!next.has_value() || next->offset >= chunks_->length()) return std::optional<uint64_t>();
  window_.MoveTo(next->offset);
  const Result<std::optional<Token>> token = TokenAt(*next);
  if (token.has_value() && !token->has_value()) {
    window_.MoveTo(from);
    return Damaged(fmt::format("the index has another partition at {} than the data: it is damaged too", next->offset));
  }
  // If the key cannot be read, that is told, and can be skipped, when the partition is read.
  window_.MoveTo(next->offset);
  pairer_.Reset();
  in_partition_ = false;
  failed_ = false;
  return std::optional<uint64_t>(next->offset - from);
}

}  // namespace braid
