// What a schema journal holds: the steps by which a pipeline learned of its tables, and their binary form. Layout:
// docs/formats/schema-journal.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

// A node that says something, and of how many it is one. What takes the word of all nodes holds once so many different
// ones have given it.
struct SchemaWitness {
  std::array<uint8_t, 16> host{};
  uint32_t of_nodes = 0;
  auto operator<=>(const SchemaWitness&) const = default;
};

// In a journal that many write a record may say what its writer believed (`base`, `written_at`); whether it counts is
// then decided where it stands, by SchemaFold and so by every reader alike. A journal's only writer leaves that out.
struct SchemaRecord {
  enum class Kind : uint8_t {
    kDefinition = 1,      // of a table, as it is from here on
    kDropped = 2,         // the table is gone
    kHistoryKnown = 3,    // all that was ever written to the table is in logs that were read
    kHistoryUnknown = 4,  // no longer
    kBaseline = 5,        // all tables that there were when the pipeline was made are above; of `witness`: on that node
    kHistoryLogged = 9,   // all that `witness` ever wrote to the table is in the log that its agent reads
    kIntroduced = 11,     // `witness` has said all that it has to say about the tables that it found at first
  };
  Kind kind = Kind::kBaseline;
  TableId table = {};          // of all kinds but kBaseline and kIntroduced
  TableSchemaPtr schema = {};  // of kDefinition
  WriteTime changed_at = {};   // of kDefinition: TableInfo::changed_at
  // Of kDefinition and kHistoryKnown: counts only if this is the table's newest definition (value 0: there is none).
  std::optional<SchemaId> base = {};
  // With `base`, of kDefinition: TableInfo::written_at. Of kDropped: when it was dropped; none: not said.
  WriteTime written_at = {};
  // Of kHistoryLogged and kIntroduced; of kBaseline if many nodes have one each.
  std::optional<SchemaWitness> witness = {};
};

// Appends the record's binary form.
void AppendSchemaRecord(std::string* to, const SchemaRecord& record);

// Reads records up to the end of `bytes` and adds them to `records`; messages call them `what`. They own all that they
// hold. Errors: kCorrupt, kUnsupported (a definition of a newer form); then `records` holds some of them.
Status DecodeSchemaRecords(ByteView bytes, const char* what, std::vector<SchemaRecord>* records);

}  // namespace braid
