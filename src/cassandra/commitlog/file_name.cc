#include "cassandra/commitlog/file_name.h"

#include <charconv>

namespace braid {

namespace {

// Takes a decimal number off the front of `text`.
template <typename Int>
bool TakeNumber(std::string_view* text, Int* value) {
  if (text->empty() || text->front() < '0' || text->front() > '9') return false;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *value);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

bool TakeText(std::string_view* text, std::string_view expected) {
  if (!text->starts_with(expected)) return false;
  text->remove_prefix(expected.size());
  return true;
}

}  // namespace

std::optional<SegmentFileName> ParseSegmentFileName(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  SegmentFileName parsed;
  if (!TakeText(&name, "CommitLog-") || !TakeNumber(&name, &parsed.version) || !TakeText(&name, "-") ||
      !TakeNumber(&name, &parsed.id.value)) {
    return std::nullopt;
  }
  parsed.cdc_index = name == "_cdc.idx";
  if (!parsed.cdc_index && name != ".log") return std::nullopt;
  return parsed;
}

std::optional<CdcIndex> ParseCdcIndex(std::string_view content) {
  CdcIndex index;
  if (!TakeNumber(&content, &index.offset)) return std::nullopt;
  index.completed = content.starts_with("\nCOMPLETED");
  return index;
}

}  // namespace braid
