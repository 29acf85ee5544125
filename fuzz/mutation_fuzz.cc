// Any bytes as the content of a commit-log entry: the first byte says by which messaging version.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "cassandra/commitlog/dump.h"
#include "cassandra/commitlog/mutation_test_util.h"

namespace braid {
namespace {

// What is promised of every mutation that is given.
void CheckPromises(const Mutation& part) {
  for (size_t i = 1; i < part.rows.size(); ++i) CHECK(part.rows[i - 1].key < part.rows[i].key);
  for (size_t i = 0; i < part.ranges.size(); ++i) {
    CHECK(part.ranges[i].start.cut <= part.ranges[i].end.cut);
    CHECK(!part.ranges[i].deletion.live());
    if (i > 0) CHECK(part.ranges[i - 1].end.cut <= part.ranges[i].start.cut);
  }
  for (const RowUpdate& row : part.rows) {
    for (size_t i = 1; i < row.cells.size(); ++i) CHECK(row.cells[i - 1].column <= row.cells[i].column);
    for (const Cell& cell : row.cells) CHECK(cell.at > part.schema->column(cell.column).dropped_at);
  }
}

std::string Lines(const DecodedMutation& decoded, MutationPrinter* printer) {
  std::string lines;
  for (size_t i = 0; i < decoded.part_indexes.size(); ++i) {
    CheckPromises(decoded.transaction.mutations[i]);
    lines += printer->Print(decoded.transaction.mutations[i], decoded.part_indexes[i]);
  }
  return lines;
}

void Decode(ByteView payload, DeletionTimes times) {
  static const TablesForTest tables;
  static MutationDecoder warm(&tables);
  static MutationPrinter printer;
  // What a decoder has learned from other mutations must not change what it says of this one.
  MutationDecoder fresh(&tables);
  const auto first = fresh.Decode(payload, times, {});
  const std::string lines = first ? Lines(**first, &printer) : first.error().message;
  const auto second = warm.Decode(payload, times, {});
  CHECK((second ? Lines(**second, &printer) : second.error().message) == lines);
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  braid::Decode({reinterpret_cast<const char*>(data) + 1, size - 1},
                data[0] % 2 == 0 ? braid::DeletionTimes::kSigned : braid::DeletionTimes::kUnsigned);
  return 0;
}
