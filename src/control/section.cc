#include "control/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "control/quantity.h"
#include "control/words.h"

namespace braid {
namespace {

constexpr size_t kMostShown = 40;

// How many letters must be put in, left out, changed or swapped with their neighbour to make `b` of `a`.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// A key or word as a message shows it: its beginning.
std::string Shown(std::string_view text) {
  return fmt::format("'{}{}'", text.substr(0, kMostShown), text.size() > kMostShown ? "…" : "");
}

}  // namespace

// Each is one line, whatever it quotes.
void Mistakes::Add(int line, std::string text) {
  list_.emplace_back(line, OneLine(std::move(text)));
}

std::string Mistakes::Text(const std::string& path) const {
  std::vector<std::pair<int, std::string>> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (const auto& [line, mistake] : sorted) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{}:{}: {}", path, line, mistake);
  }
  return text;
}

std::string_view NearestWord(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kMostShown) return "";
  std::string_view nearest;
  // A third of the letters may be wrong.
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

Section::Section(const YamlValue& value, const SectionKeys& keys, std::span<const SectionKeys> all, Mistakes* mistakes)
    : value_(value), keys_(keys), mistakes_(mistakes) {
  if (value.kind != YamlValue::Kind::kMap) {
    const std::string where = keys.name.empty() ? "the file" : fmt::format("'{}'", keys.name);
    mistakes_->Add(value.line, fmt::format("{} must be a group of keys, not {}; it takes: {}", where,
                                           YamlKindName(value.kind), fmt::join(keys.keys, ", ")));
    return;
  }
  std::set<std::string_view> seen;
  for (const YamlValue& entry : value.items) {
    if (std::find(keys.keys.begin(), keys.keys.end(), entry.key) == keys.keys.end()) NoteUnknown(entry, all);
    if (!seen.insert(entry.key).second) {
      mistakes_->Add(entry.key_line, fmt::format("the key {} comes twice; keep one", Shown(entry.key)));
    }
  }
}

int Section::LineOf(std::string_view key) const {
  const YamlValue* entry = Entry(key);
  return entry == nullptr ? value_.line : entry->key_line;
}

const YamlValue* Section::Entry(std::string_view key) const {
  if (value_.kind != YamlValue::Kind::kMap) return nullptr;
  for (const YamlValue& entry : value_.items) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const YamlValue* Section::Find(std::string_view key) const {
  const YamlValue* entry = Entry(key);
  if (entry == nullptr || entry->kind != YamlValue::Kind::kNothing) return entry;
  Note(key, "has no value; give one, or leave the key out for its default");
  return nullptr;
}

const YamlValue* Section::Require(std::string_view key, std::string_view cure) const {
  const YamlValue* entry = Find(key);
  const bool noted = entry != nullptr || has(key) || value_.kind != YamlValue::Kind::kMap;
  if (!noted) {
    const std::string where = keys_.name.empty() ? "" : fmt::format(" in '{}'", keys_.name);
    mistakes_->Add(value_.line, fmt::format("'{}' is missing{}; {}", key, where, cure));
  }
  return entry;
}

bool Section::TakeText(std::string_view key, std::string* to) const {
  const YamlValue* entry = Find(key);
  if (entry == nullptr) return false;
  if (entry->kind != YamlValue::Kind::kText) {
    NoteKind(*entry, "a single value");
    return false;
  }
  if (entry->text.empty()) {
    Note(key, "is empty; give a value, or leave the key out for its default");
    return false;
  }
  *to = entry->text;
  return true;
}

bool Section::TakeTexts(std::string_view key, std::vector<std::string>* to) const {
  const YamlValue* entry = Find(key);
  if (entry == nullptr) return false;
  if (entry->kind == YamlValue::Kind::kText) {
    std::string text;
    if (!TakeText(key, &text)) return false;
    *to = {text};
    return true;
  }
  if (entry->kind != YamlValue::Kind::kList) {
    NoteKind(*entry, "a list");
    return false;
  }
  std::vector<std::string> texts;
  for (const YamlValue& item : entry->items) {
    if (item.kind != YamlValue::Kind::kText || item.text.empty()) {
      mistakes_->Add(item.line, fmt::format("{}: each item must be a single value, and none empty", key));
      return false;
    }
    texts.push_back(item.text);
  }
  *to = std::move(texts);
  return true;
}

bool Section::TakeSize(std::string_view key, uint64_t least, uint64_t most, uint64_t* to) const {
  std::string text;
  if (!TakeText(key, &text)) return false;
  const Result<uint64_t> size = ParseSize(text);
  if (!size.has_value()) {
    Note(key, size.error().message);
    return false;
  }
  if (*size < least || *size > most) {
    Note(key, fmt::format("{} is out of range; give {} to {}", FormatSize(*size), FormatSize(least), FormatSize(most)));
    return false;
  }
  *to = *size;
  return true;
}

bool Section::TakeDuration(std::string_view key, int64_t least_us, int64_t most_us, int64_t* to) const {
  std::string text;
  if (!TakeText(key, &text)) return false;
  const Result<int64_t> duration = ParseDuration(text);
  if (!duration.has_value()) {
    Note(key, duration.error().message);
    return false;
  }
  if (*duration < least_us || *duration > most_us) {
    Note(key, fmt::format("{} is out of range; give {} to {}", WriteDuration(*duration), WriteDuration(least_us),
                          WriteDuration(most_us)));
    return false;
  }
  *to = *duration;
  return true;
}

bool Section::TakeNumber(std::string_view key, uint32_t least, uint32_t most, uint32_t* to) const {
  std::string text;
  if (!TakeText(key, &text)) return false;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size() && number >= least && number <= most;
  if (!good) {
    Note(key, fmt::format("{} is no whole number from {} to {}", Shown(text), least, most));
    return false;
  }
  *to = number;
  return true;
}

void Section::Note(std::string_view key, const std::string& text) const {
  mistakes_->Add(LineOf(key), fmt::format("{}: {}", key, text));
}

void Section::NoteUnknown(const YamlValue& entry, std::span<const SectionKeys> all) const {
  const std::string shown = Shown(entry.key);
  const std::string_view nearest = NearestWord(entry.key, keys_.keys);
  const std::string where = keys_.name.empty() ? "at the top level" : fmt::format("in '{}'", keys_.name);
  for (const SectionKeys& other : all) {
    if (std::find(other.keys.begin(), other.keys.end(), entry.key) == other.keys.end()) continue;
    mistakes_->Add(entry.key_line,
                   fmt::format("the key {} does not belong {}; put it {}", shown, where,
                               other.name.empty() ? "at the top level" : fmt::format("into '{}'", other.name)));
    return;
  }
  if (!nearest.empty()) {
    mistakes_->Add(entry.key_line, fmt::format("unknown key {} {}; did you mean '{}'?", shown, where, nearest));
    return;
  }
  mistakes_->Add(entry.key_line,
                 fmt::format("unknown key {} {}; known are: {}", shown, where, fmt::join(keys_.keys, ", ")));
}

void Section::NoteWrongWord(std::string_view key, const std::string& text,
                            std::span<const std::string_view> words) const {
  const std::string_view nearest = NearestWord(text, words);
  if (!nearest.empty()) return Note(key, fmt::format("{} is not known; did you mean '{}'?", Shown(text), nearest));
  Note(key, fmt::format("{} is not known; give one of: {}", Shown(text), fmt::join(words, ", ")));
}

void Section::NoteKind(const YamlValue& entry, std::string_view wanted) const {
  mistakes_->Add(entry.key_line, fmt::format("{}: must be {}, not {}", entry.key, wanted, YamlKindName(entry.kind)));
}

}  // namespace braid
