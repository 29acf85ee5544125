// The columns that a stream's readers see: the visible definition, and Changes put into its words.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/change.h"
#include "shape/hmac.h"
#include "shape/mask.h"
#include "shape/names.h"
#include "shape/shape.h"

namespace braid::shape {

class Columns {
 public:
  // Errors: kInvalidArgument, saying which list, which column and what would be right.
  static Result<std::unique_ptr<const Columns>> Make(const StreamSpec& spec, const Table& table);

  // False if readers see every column as it is: then Show need not be called.
  bool selects() const { return selects_; }
  const TableSchema& visible() const { return visible_; }

  // `change` in the words of visible(), in `arena`; parts that nothing changes are shared with it. nullptr if it is of
  // a static row and no static column is visible.
  Change* Show(const Change& change, Arena* arena) const;

 private:
  struct Seen {
    bool visible = false;
    ColumnId id;  // in visible_
    const Type* type = nullptr;
    Mask mask;
  };

  Columns() = default;
  Status Choose(const StreamSpec& spec, const Table& table);
  Status ChooseMasks(const StreamSpec& spec, const Table& table);
  void BuildVisible(const TableSchema& schema);

  const Seen* Find(ColumnId id) const;
  std::span<const ColumnId> ShowIds(std::span<const ColumnId> ids, Arena* arena) const;
  const Image* ShowImage(const Image* image, Arena* arena) const;
  void ShowPartitionKey(Change* change, Arena* arena) const;
  ByteView ShowClustering(ByteView clustering, Arena* arena) const;
  void ShowRange(Change* change, Arena* arena) const;
  void ShowBound(size_t columns, bool is_end, Bound* bound, Arena* arena) const;

  bool selects_ = false;
  TableSchema visible_;
  std::vector<Seen> seen_;  // by the id in the definition at hand
  std::unique_ptr<const HmacSha256> hmac_;
  const Mask* all_of_key_ = nullptr;  // the mask of a partition key that does not come apart; nullptr: none is masked
  const Mask* all_of_clustering_ = nullptr;
  // By place; partition key and clustering columns of the definition at hand.
  std::vector<const Seen*> partition_key_;
  std::vector<const Seen*> clustering_;
  size_t first_masked_clustering_ = 0;  // as many as there are if none is
};

}  // namespace braid::shape
