// What is known of a pipeline's tables, for those who only ask.
#pragma once

#include <cstdint>
#include <vector>

#include "cassandra/commitlog/mutation_decoder.h"
#include "codec/schema.h"
#include "model/schema.h"

namespace braid {

// Thread-safe. What it gives lives as long as it does.
class SchemaBook : public TableLookup, public SchemaLookup {
 public:
  // Something that became known of a table. Nothing is told of Cassandra's own tables.
  struct Event {
    enum class Kind : uint8_t {
      kNew,      // a table that was not known; `before` is nullptr
      kChanged,  // columns, types or options
      kDropped,  // `after` is nullptr
    };
    Kind kind = Kind::kNew;
    const TableSchema* before = nullptr;
    const TableSchema* after = nullptr;

    // As it is now or, of one that is gone, as it was.
    const TableSchema& table() const { return after != nullptr ? *after : *before; }
  };

  // Rises when something changed: whoever keeps what it was given asks this to know when to ask again.
  virtual uint64_t version() const = 0;

  // The newest definition of a table by its id, captured or not, dropped or not; nullptr if there is none.
  const TableSchema* FindTable(const TableId& id) const override = 0;
  // Any definition there ever was, by its own id.
  const TableSchema* Find(SchemaId id) const override = 0;
  // The newest definitions of the tables that exist and are captured, by name.
  virtual std::vector<const TableSchema*> CapturedTables() const = 0;

  // Whether everything that was ever written to the table is in the logs that this pipeline has read: its history is
  // known. True of tables that appeared while the pipeline followed the schema, captured from the beginning as far as
  // can be told, and of those of which it was said afterwards. False again once the table is not captured, or its
  // keyspace does not log (durable_writes = false).
  virtual bool HistoryKnown(const TableId& id) const = 0;
};

}  // namespace braid
