#include "pipeline/run/partition_key.h"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "model/key.h"
#include "shape/lexer.h"
#include "shape/literal.h"

namespace braid {
namespace {

using shape::Word;
using shape::WordKind;

Error NotAKey(const TableSchema& schema, std::string_view text, const std::string& why) {
  std::string columns;
  for (const ColumnId id : schema.partition_key) {
    const Column& column = schema.column(id);
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", column.name, ToCql(*column.type));
  }
  return InvalidArgument(fmt::format(
      "{} is no partition key of {}: {}. Its columns are {}; write their values as in CQL, with commas between", text,
      schema.FullName(), why, columns));
}

bool IsComma(const Word& word) {
  return word.kind == WordKind::kSymbol && word.text == ",";
}

// The words at even places; nothing if commas do not stand between all.
std::vector<Word> BetweenCommas(const std::vector<Word>& words) {
  std::vector<Word> values;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool between = i % 2 == 1;
    const bool fits = between ? IsComma(words[i]) || words[i].kind == WordKind::kEnd : words[i].kind != WordKind::kEnd;
    if (!fits) return {};
    if (!between) values.push_back(words[i]);
  }
  return values;
}

Result<std::string> Value(const Column& column, const Word& word) {
  if (!shape::TakesLiterals(*column.type)) {
    return InvalidArgument(
        fmt::format("a value of {} cannot be written here: SELECT token({}) gives T, and T-1:T is its "
                    "--token-range",
                    ToCql(*column.type), column.name));
  }
  ASSIGN_OR_RETURN(std::string bytes, shape::LiteralValue(*column.type, word));
  if (bytes.size() > std::numeric_limits<uint16_t>::max()) {
    return InvalidArgument(fmt::format("{} is longer than a key may be", column.name));
  }
  return bytes;
}

}  // namespace

Result<std::string> ParsePartitionKey(const TableSchema& schema, std::string_view text) {
  const auto words = shape::CutIntoWords(text);
  if (!words.has_value()) return NotAKey(schema, text, words.error().message);
  const std::vector<Word> values = BetweenCommas(*words);
  const size_t columns = schema.partition_key.size();
  if (values.size() != columns) {
    return NotAKey(schema, text,
                   fmt::format("it has to be {}", columns == 1 ? "one value" : fmt::format("{} values", columns)));
  }
  std::string key;
  for (size_t i = 0; i < columns; ++i) {
    const auto value = Value(schema.column(schema.partition_key[i]), values[i]);
    if (!value.has_value()) return NotAKey(schema, text, value.error().message);
    if (columns == 1) return *value;
    AppendCompositeValue(*value, &key);
  }
  return key;
}

}  // namespace braid
