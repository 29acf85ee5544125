// A sketch, compiled and never run: reconciliation as a keyed Flink operator, through JNI (see README.md).
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "codec/change.h"
#include "codec/mutation.h"
#include "codec/row_state.h"
#include "codec/schema.h"
#include "reconcile/lww/apply.h"
#include "reconcile/lww/write.h"

namespace braid::sketches {

// What the shell in Java offers for the key at hand, (table, partition key), as byte arrays.
class FlinkContext {
 public:
  virtual ~FlinkContext() = default;

  // ValueState<byte[]>; empty if it was never set.
  virtual std::string Header() = 0;
  virtual void SetHeader(const std::string& bytes) = 0;

  // MapState<byte[], byte[]>: a byte 0 for the static row, or 1 and the row's key.
  virtual std::optional<std::string> Row(const std::string& key) = 0;
  virtual void PutRow(const std::string& key, const std::string& bytes) = 0;
  virtual void RemoveRow(const std::string& key) = 0;
  // All entries, in no order.
  virtual std::vector<std::pair<std::string, std::string>> Rows() = 0;

  // Event time; the watermark is what capture says all sources have passed.
  virtual UnixSeconds Watermark() = 0;
  virtual void RegisterTimer(UnixSeconds due) = 0;

  // To the next operator; it numbers them.
  virtual void Collect(const std::string& change) = 0;
};

class ReconcileOperator {
 public:
  explicit ReconcileOperator(const SchemaLookup* schemas) : schemas_(schemas) {}

  // One element: a mutation of the current key, in codec form.
  Status ProcessElement(ByteView element, FlinkContext* flink) {
    arena_.Reset();
    ASSIGN_OR_RETURN(const Mutation mutation, DecodeMutation(element, *schemas_, &arena_));
    header_bytes_ = flink->Header();
    PartitionHeader header = FreshHeader(/*history_known=*/false);
    if (!header_bytes_.empty()) {
      ASSIGN_OR_RETURN(header, DecodePartitionHeader(header_bytes_, &arena_));
    }
    std::vector<Mutation> writes;
    CutIntoWrites(mutation, &arena_, &writes);
    for (const Mutation& write : writes) {
      const Target target = PlanOf(write).target;
      const bool deletes_rows = target == Target::kPartition || target == Target::kRange;
      TRY(deletes_rows ? Walk(write, &header, flink) : ApplyRow(write, &header, flink));
    }
    std::string bytes;
    AppendPartitionHeader(&bytes, header);
    flink->SetHeader(bytes);
    return {};
  }

 private:
  static std::string MapKey(const RowRef& ref) {
    return ref.is_static ? std::string(1, '\0') : '\x01' + std::string(ref.key);
  }

  Result<RowState> Decode(ByteView bytes, const TableSchema& schema) {
    return DecodeRowState(bytes, static_cast<uint32_t>(schema.columns.size()), &arena_);
  }

  Status ApplyRow(const Mutation& write, PartitionHeader* header, FlinkContext* flink) {
    const RowRef ref = PlanOf(write).row;
    const std::optional<std::string> bytes = flink->Row(MapKey(ref));
    RowState row;
    if (bytes.has_value()) {
      ASSIGN_OR_RETURN(row, Decode(*bytes, *write.schema));
    }
    ASSIGN_OR_RETURN(const RowOutcome outcome,
                     ApplyToRow(header, bytes.has_value() ? &row : nullptr, write, flink->Watermark(), &arena_));
    Store(ref, outcome, flink);
    return {};
  }

  // One pass over all entries does for every chunk: MapState cannot seek.
  Status Walk(const Mutation& write, PartitionHeader* header, FlinkContext* flink) {
    auto entries = flink->Rows();
    std::ranges::sort(entries);
    DeletionWalk walk(*header, write);
    const auto apply = [&](const RowRef& ref, ByteView bytes) -> Status {
      ASSIGN_OR_RETURN(const RowState row, Decode(bytes, *write.schema));
      ASSIGN_OR_RETURN(const RowOutcome outcome, walk.ApplyTo(ref, row, flink->Watermark(), header, &arena_));
      Store(ref, outcome, flink);
      return {};
    };
    if (walk.wants_static() && !entries.empty() && entries.front().first.front() == '\0') {
      TRY(apply({.is_static = true, .key = {}}, entries.front().second));
    }
    while (!walk.done()) {
      const KeyRange range = walk.range();
      for (const auto& [map_key, bytes] : entries) {
        const ByteView key = ByteView(map_key).substr(1);
        const bool inside = map_key.front() == '\x01' && key >= range.from && (range.unbounded || key < range.to);
        if (inside) TRY(apply({.is_static = false, .key = key}, bytes));
      }
      walk.EndChunk(std::nullopt, header, &arena_);
    }
    if (const auto change = walk.RangeChange(header)) Emit(*change, flink);
    return {};
  }

  void Store(const RowRef& ref, const RowOutcome& outcome, FlinkContext* flink) {
    if (outcome.verdict != Verdict::kSilent && outcome.verdict != Verdict::kChange) return;
    if (outcome.forget) {
      flink->RemoveRow(MapKey(ref));
    } else {
      std::string bytes;
      AppendRowState(&bytes, outcome.state);
      flink->PutRow(MapKey(ref), bytes);
    }
    if (!outcome.due_after.never()) flink->RegisterTimer(outcome.due_after);
    if (outcome.verdict == Verdict::kChange) Emit(outcome.change, flink);
  }

  static void Emit(const Change& change, FlinkContext* flink) {
    std::string bytes;
    AppendChange(&bytes, change);
    flink->Collect(bytes);
  }

  const SchemaLookup* schemas_;
  Arena arena_;
  std::string header_bytes_;
};

// Keeps the whole of the sketch in the compiler's sight.
Status UseFlinkOperator(ReconcileOperator& reconcile, ByteView element, FlinkContext* flink) {
  return reconcile.ProcessElement(element, flink);
}

}  // namespace braid::sketches
