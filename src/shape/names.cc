#include "shape/names.h"

#include <fmt/format.h>

#include "shape/lexer.h"

namespace braid::shape {
namespace {

// Of wide tables, enough columns to see which table it is.
constexpr size_t kMostShown = 30;

// How CQL writes a name.
std::string Written(const std::string& name) {
  const bool plain =
      !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  return plain ? name : "\"" + name + "\"";
}

std::string ColumnList(const TableSchema& schema) {
  std::string list;
  size_t shown = 0;
  for (const auto* ids : {&schema.partition_key, &schema.clustering, &schema.statics, &schema.regulars}) {
    for (const ColumnId id : *ids) {
      if (++shown > kMostShown) return list + ", …";
      list += (list.empty() ? "" : ", ") + Written(schema.column(id).name);
    }
  }
  return list;
}

}  // namespace

Result<NamedColumn> FindColumn(const Table& table, const std::string& name) {
  const Column* here = table.schema.FindColumn(name);
  const Column* newest = table.newest.FindColumn(name);
  if (here != nullptr && !here->dropped) return NamedColumn{here, true};
  if (newest != nullptr) return NamedColumn{newest, false};
  if (here != nullptr) return NamedColumn{here, false};
  for (const Column& column : table.newest.columns) {
    if (column.dropped || LowerCase(column.name) != LowerCase(name)) continue;
    return InvalidArgument(
        fmt::format("the table has no column {}, but one {}; write it so (without double quotes a name "
                    "is in lower case)",
                    Written(name), Written(column.name)));
  }
  return InvalidArgument(
      fmt::format("the table has no column {}; its columns are {}", Written(name), ColumnList(table.newest)));
}

Result<NamedColumn> FindColumnAsCql(const Table& table, std::string_view text) {
  if (!text.starts_with('"')) return FindColumn(table, LowerCase(text));
  ASSIGN_OR_RETURN(const std::vector<Word> words, CutIntoWords(text));
  if (words.size() != 2 || words[0].kind != WordKind::kQuotedName) {
    return InvalidArgument(fmt::format("{} is no column's name; a quoted name is \"…\" and nothing after it", text));
  }
  return FindColumn(table, words[0].text);
}

}  // namespace braid::shape
