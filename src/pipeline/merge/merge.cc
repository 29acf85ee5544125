#include "pipeline/merge/merge.h"

#include <algorithm>

#include "cassandra/types/comparable.h"
#include "pipeline/merge/join.h"
#include "reconcile/lww/merge.h"

namespace braid {

using internal::JoinRanges;
using internal::JoinRow;
using internal::JoinRows;
using internal::OtherSide;

namespace {

// Of what is said of one damage.
constexpr size_t kMostMessageBytes = 4096;

// No key has the least token.
Token Before(Token token) {
  return token == kLeastToken ? token : Token{token.value - 1};
}

}  // namespace

Bound KnownEnd(const SstablePiece& piece, std::string* cut_memory) {
  const Mutation& mutation = piece.mutation;
  Bound end;
  if (!mutation.rows.empty()) {
    const RowUpdate& row = mutation.rows.back();
    cut_memory->assign(row.key);
    AppendCutAfter(cut_memory);
    end = {.cut = *cut_memory,
           .values = row.clustering,
           .size = static_cast<uint16_t>(mutation.schema->clustering.size()),
           .inclusive = true};
  }
  if (!mutation.ranges.empty() && mutation.ranges.back().end.cut > end.cut) end = mutation.ranges.back().end;
  return end;
}

Result<std::unique_ptr<TableMerge>> TableMerge::Open(std::vector<std::unique_ptr<PieceSource>> sources,
                                                     TableSchemaPtr schema, MergeOptions options) {
  std::unique_ptr<TableMerge> merge(new TableMerge(std::move(schema), options));
  for (std::unique_ptr<PieceSource>& source : sources) {
    auto input = std::make_unique<Input>();
    input->source = std::move(source);
    input->number = merge->inputs_.size();
    input->token = input->source->first_token();
    merge->heap_.push_back(input.get());
    merge->inputs_.push_back(std::move(input));
  }
  std::ranges::make_heap(merge->heap_, ComesAfter);
  return merge;
}

// Those that were not asked yet come first among equal tokens: what they have must be known before a partition begins.
bool TableMerge::ComesAfter(const Input* a, const Input* b) {
  if (a->token != b->token) return a->token > b->token;
  const ByteView key_of_a = a->piece == nullptr ? ByteView() : a->piece->mutation.partition_key;
  const ByteView key_of_b = b->piece == nullptr ? ByteView() : b->piece->mutation.partition_key;
  const int order = key_of_a.compare(key_of_b);
  return order != 0 ? order > 0 : a->number > b->number;
}

Result<const SstablePiece*> TableMerge::Next() {
  arena_.Reset();
  TRY(Settle());
  if (!in_partition_) {
    ASSIGN_OR_RETURN(const bool any, BeginPartition());
    if (!any) return nullptr;
  }
  if (passing_ && !active_.empty()) {
    Input* const input = active_.front();
    input->given = true;
    first_ = false;
    in_partition_ = !input->piece->last;
    return input->piece;
  }
  TRY(JoinPiece());
  in_partition_ = !piece_.last;
  return &piece_;
}

Status TableMerge::Settle() {
  size_t kept = 0;
  for (Input* input : active_) {
    if (input->given) {
      TRY(Advance(input));
      // A source that was damaged within the partition goes on with another.
      if (input->piece == nullptr || input->piece->first) {
        PutBack(input);
        continue;
      }
    }
    active_[kept++] = input;
  }
  active_.resize(kept);
  return {};
}

Status TableMerge::Advance(Input* input) {
  while (true) {
    const Result<const SstablePiece*> piece = input->source->Next();
    if (piece.has_value()) {
      TakePiece(input, *piece);
      return {};
    }
    if (!options_.skip_damage || piece.error().code != ErrorCode::kCorrupt) return piece.error();
    ASSIGN_OR_RETURN(const bool goes_on, PassDamage(input, piece.error()));
    if (!goes_on) {
      TakePiece(input, nullptr);
      return {};
    }
  }
}

void TableMerge::TakePiece(Input* input, const SstablePiece* piece) {
  input->piece = piece;
  input->next_row = 0;
  input->next_range = 0;
  input->given = false;
  if (piece == nullptr) return;
  input->token = piece->mutation.token;
  if (!piece->last) input->known_end = KnownEnd(*piece, &input->known_cut);
  if (input->open_damage.has_value()) damage_[*input->open_damage].tokens.through = input->token;
  input->open_damage.reset();
}

Result<bool> TableMerge::PassDamage(Input* input, const Error& error) {
  if (input->open_damage.has_value()) {
    // One place makes each partition in it fail, of which there may be thousands.
    std::string& message = damage_[*input->open_damage].message;
    if (message.size() < kMostMessageBytes && !message.ends_with(error.message)) message += "; then " + error.message;
  } else {
    input->open_damage = damage_.size();
    damage_.push_back({.source = input->source->name(),
                       .message = error.message,
                       .lost_bytes = 0,
                       .tokens = {.after = Before(input->token), .through = kGreatestToken}});
  }
  MergeDamage& damage = damage_[*input->open_damage];
  const Result<std::optional<uint64_t>> passed = input->source->SkipDamage();
  if (!passed.has_value() && passed.error().code != ErrorCode::kCorrupt) return passed.error();
  if (!passed.has_value()) damage.message += "; there is no way past it: " + passed.error().message;
  if (!passed.has_value() || !passed->has_value()) {
    damage.lost_bytes.reset();
    return false;
  }
  *damage.lost_bytes += **passed;
  return true;
}

void TableMerge::PutBack(Input* input) {
  if (input->piece == nullptr) {
    finished_position_ += input->source->position();
    input->source.reset();
    return;
  }
  heap_.push_back(input);
  std::ranges::push_heap(heap_, ComesAfter);
}

Result<bool> TableMerge::BeginPartition() {
  while (!heap_.empty()) {
    std::ranges::pop_heap(heap_, ComesAfter);
    Input* const input = heap_.back();
    heap_.pop_back();
    if (input->piece != nullptr) {
      active_.push_back(input);
      break;
    }
    TRY(Advance(input));
    PutBack(input);
  }
  if (active_.empty()) return false;
  token_ = active_.front()->token;
  key_ = active_.front()->piece->mutation.partition_key;
  while (!heap_.empty() && heap_.front()->token == token_ && heap_.front()->piece->mutation.partition_key == key_) {
    std::ranges::pop_heap(heap_, ComesAfter);
    active_.push_back(heap_.back());
    heap_.pop_back();
  }
  passing_ = active_.size() == 1;
  edge_ = {};
  in_partition_ = true;
  first_ = true;
  ++partitions_;
  return true;
}

Status TableMerge::JoinPiece() {
  Mutation& mutation = piece_.mutation;
  mutation = {};
  mutation.schema = schema_.get();
  mutation.token = token_;
  mutation.partition_key = key_;
  piece_.first = first_;
  if (first_) TRY(JoinFirst());
  first_ = false;
  const Bound* const until = LeastEnd();
  const Bound edge{arena_.Copy(edge_.cut), arena_.Copy(edge_.values), edge_.size, edge_.inclusive};
  for (Input* input : active_) {
    TakeRows(input, until);
    TakeRanges(input, until, edge);
    input->given = until == nullptr || (!input->piece->last && input->known_end.cut <= until->cut);
  }
  ASSIGN_OR_RETURN(mutation.rows, JoinRows(*schema_, &row_lists_, &arena_));
  mutation.ranges = JoinRanges(&range_lists_, &arena_);
  piece_.last = until == nullptr;
  if (until != nullptr && until->cut > edge_.cut) SetEdge(*until);
  return {};
}

Status TableMerge::JoinFirst() {
  Mutation& mutation = piece_.mutation;
  RowUpdate* statics = nullptr;
  for (const Input* input : active_) {
    const Mutation& part = input->piece->mutation;
    mutation.partition_deletion = Stronger(mutation.partition_deletion, part.partition_deletion);
    if (part.static_row == nullptr) continue;
    if (statics == nullptr) {
      statics = arena_.New<RowUpdate>();
      *statics = *part.static_row;
    } else {
      ASSIGN_OR_RETURN(*statics, JoinRow(*schema_, *statics, *part.static_row, &arena_));
    }
  }
  mutation.static_row = statics;
  return {};
}

const Bound* TableMerge::LeastEnd() const {
  const Bound* least = nullptr;
  for (const Input* input : active_) {
    if (input->piece->last) continue;
    if (least == nullptr || input->known_end.cut < least->cut) least = &input->known_end;
  }
  return least;
}

void TableMerge::TakeRows(Input* input, const Bound* until) {
  std::span<const RowUpdate> rows = input->piece->mutation.rows.subspan(input->next_row);
  if (until != nullptr) {
    const auto end = std::ranges::lower_bound(rows, until->cut, {}, &RowUpdate::key);
    rows = rows.first(static_cast<size_t>(end - rows.begin()));
  }
  input->next_row += rows.size();
  if (!rows.empty()) row_lists_.push_back(rows);
}

void TableMerge::TakeRanges(Input* input, const Bound* until, const Bound& edge) {
  std::span<const RangeDeletion> ranges = input->piece->mutation.ranges.subspan(input->next_range);
  if (until != nullptr) {
    const auto start = [](const RangeDeletion& range) { return range.start.cut; };
    const auto end = std::ranges::lower_bound(ranges, until->cut, {}, start);
    ranges = ranges.first(static_cast<size_t>(end - ranges.begin()));
  }
  if (ranges.empty()) return;
  const bool begun_before = ranges.front().start.cut < edge.cut;
  const bool goes_on = until != nullptr && until->cut < ranges.back().end.cut;
  input->next_range += ranges.size() - (goes_on ? 1 : 0);
  if (!begun_before && !goes_on) {
    range_lists_.push_back(ranges);
    return;
  }
  const std::span<RangeDeletion> cut = arena_.CopyArray(ranges);
  if (begun_before) cut.front().start = edge;
  if (goes_on) cut.back().end = *until;
  range_lists_.push_back(cut);
}

void TableMerge::SetEdge(const Bound& end) {
  edge_ = OtherSide(end);
  edge_cut_ = end.cut;
  edge_values_ = end.values;
  edge_.cut = edge_cut_;
  edge_.values = edge_values_;
}

uint64_t TableMerge::position() const {
  uint64_t position = finished_position_;
  for (const auto& input : inputs_) {
    if (input->source != nullptr) position += input->source->position();
  }
  return position;
}

}  // namespace braid
