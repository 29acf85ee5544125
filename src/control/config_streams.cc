#include "control/config_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "control/config_files.h"
#include "control/config_keys.h"

namespace braid {
namespace {

constexpr size_t kMostStreams = 1000;
constexpr size_t kMostNameLength = 128;
constexpr uint32_t kMostTruncate = 1'000'000;

// "keyspace.table", where * may stand for any characters.
bool IsTablePattern(std::string_view text) {
  const auto is_good = [](char c) { return c == '*' || (IsNameCharacter(c) && c != '-'); };
  const size_t dots = static_cast<size_t>(std::count(text.begin(), text.end(), '.'));
  const bool whole = dots == 1 && text.front() != '.' && text.back() != '.';
  return std::all_of(text.begin(), text.end(), is_good) && (whole || (dots == 0 && text.find('*') != text.npos));
}

bool IsMask(std::string_view text) {
  constexpr std::string_view kTruncate = "truncate:";
  if (text == "hmac" || text == "redact") return true;
  if (!text.starts_with(kTruncate)) return false;
  const std::string_view digits = text.substr(kTruncate.size());
  uint32_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return error == std::errc() && end == digits.data() + digits.size() && length >= 1 && length <= kMostTruncate;
}

class StreamReader {
 public:
  StreamReader(const ConfigFiles& files, KafkaReader* kafka, Mistakes* mistakes)
      : files_(files), kafka_(kafka), mistakes_(mistakes) {}

  StreamSpec Read(const YamlValue& item) {
    const Section section(item, kStreamKeys, kAllKeys, mistakes_);
    StreamSpec stream;
    if (item.kind != YamlValue::Kind::kMap) return stream;
    ReadName(section, &stream);
    ReadTables(section, &stream);
    section.TakeText("where", &stream.where);
    if (const YamlValue* columns = section.Find("columns"); columns != nullptr) ReadColumns(*columns, &stream);
    ReadKey(section, &stream);
    kafka_->ReadStream(section, stream);
    return stream;
  }

 private:
  void ReadName(const Section& section, StreamSpec* stream) {
    if (section.Require("name", "name the stream, as its readers will ask for it") == nullptr) return;
    if (!section.TakeText("name", &stream->name)) return;
    const std::string& name = stream->name;
    if (name.size() > kMostNameLength || !std::all_of(name.begin(), name.end(), IsNameCharacter) ||
        name.front() == '-' || name.front() == '.') {
      section.Note(
          "name", fmt::format("a stream's name has letters, digits, _, - and . (not first), {} at most; choose another",
                              kMostNameLength));
    }
    const auto [earlier, fresh] = names_.emplace(name, section.LineOf("name"));
    if (!fresh) {
      section.Note("name", fmt::format("line {} has a stream of this name; choose another", earlier->second));
    }
  }

  void ReadTables(const Section& section, StreamSpec* stream) {
    if (section.has("table") == section.has("tables")) {
      mistakes_->Add(section.line(), section.has("table")
                                         ? "'table' and 'tables' are one thing; keep one of them"
                                         : "'table' is missing in 'streams'; write table: KEYSPACE.TABLE");
      return;
    }
    const std::string_view key = section.has("table") ? "table" : "tables";
    if (!section.TakeTexts(key, &stream->tables)) return;
    if (stream->tables.empty()) section.Note(key, "names no table; give at least one");
    for (const std::string& table : stream->tables) {
      if (IsTablePattern(table)) continue;
      section.Note(key,
                   fmt::format("'{}' is no table; write keyspace.table, where * stands for any characters", table));
    }
  }

  void ReadColumns(const YamlValue& value, StreamSpec* stream) {
    const Section columns(value, kColumnsKeys, kAllKeys, mistakes_);
    columns.TakeTexts("include", &stream->include);
    if (columns.has("include") && stream->include.empty()) {
      columns.Note("include", "leaves no column; name those that are wanted, or leave the key out for all");
    }
    columns.TakeTexts("exclude", &stream->exclude);
    NoteTwice(columns, "include", stream->include);
    NoteTwice(columns, "exclude", stream->exclude);
    if (columns.has("include") && columns.has("exclude")) {
      columns.Note("exclude", "columns are given by include or by exclude, not by both; keep one of them");
    }
    if (const YamlValue* mask = columns.Find("mask"); mask != nullptr) ReadMasks(columns, *mask, stream);
  }

  void NoteTwice(const Section& columns, std::string_view key, const std::vector<std::string>& names) {
    std::set<std::string_view> seen;
    for (const std::string& name : names) {
      if (!seen.insert(name).second) columns.Note(key, fmt::format("the column '{}' comes twice; keep one", name));
    }
  }

  // A mask's own text is never shown: somebody may have written the key there.
  void ReadMasks(const Section& columns, const YamlValue& mask, StreamSpec* stream) {
    if (mask.kind != YamlValue::Kind::kMap) {
      columns.Note("mask", "must be a group COLUMN: MASK, e.g. mask: {owner: hmac}");
      return;
    }
    for (const YamlValue& entry : mask.items) {
      if (!IsMask(entry.text)) {
        mistakes_->Add(entry.key_line, fmt::format("mask: the mask of '{}' is not known; give one of: hmac, redact, "
                                                   "truncate:N (N characters, 1 or more, are kept)",
                                                   entry.key));
      }
      if (!stream->masks.emplace(entry.key, entry.text).second) {
        mistakes_->Add(entry.key_line, fmt::format("mask: the column '{}' comes twice; keep one", entry.key));
      }
      if (std::find(stream->exclude.begin(), stream->exclude.end(), entry.key) != stream->exclude.end()) {
        mistakes_->Add(entry.key_line,
                       fmt::format("mask: the column '{}' is excluded too; it needs no mask", entry.key));
      }
    }
  }

  // The path is not shown: somebody may have written the key itself there.
  void ReadKey(const Section& section, StreamSpec* stream) {
    const bool needed =
        std::any_of(stream->masks.begin(), stream->masks.end(), [](const auto& mask) { return mask.second == "hmac"; });
    if (needed && !section.has("hmac_key_file")) {
      mistakes_->Add(section.line(),
                     "'hmac_key_file' is missing in 'streams'; a mask is hmac: name the file of its key");
    }
    std::string path;
    if (!section.TakeText("hmac_key_file", &path)) return;
    if (!needed) {
      section.Note("hmac_key_file", "no mask of the stream is hmac; leave it out, or mask a column so");
    }
    const Result<std::string> resolved = ResolvePath(files_.directory, path);
    if (!resolved.has_value()) return section.Note("hmac_key_file", resolved.error().message);
    if (!files_.read_secrets) return;
    Result<std::string> key = ReadKeyFile(*resolved);
    if (!key.has_value()) return section.Note("hmac_key_file", key.error().message);
    stream->hmac_key = *std::move(key);
  }

  const ConfigFiles files_;
  KafkaReader* const kafka_;
  Mistakes* const mistakes_;
  std::map<std::string, int> names_;
};

}  // namespace

void ReadStreams(const Section& top, const ConfigFiles& files, KafkaReader* kafka, Mistakes* mistakes,
                 std::vector<StreamSpec>* streams) {
  const YamlValue* value = top.Find("streams");
  if (value == nullptr) return;
  if (value->kind != YamlValue::Kind::kList || value->items.empty() || value->items.size() > kMostStreams) {
    top.Note("streams",
             fmt::format("must be a list of 1 to {} streams; leave the key out for every table, whole", kMostStreams));
    return;
  }
  StreamReader reader(files, kafka, mistakes);
  for (const YamlValue& item : value->items) streams->push_back(reader.Read(item));
}

}  // namespace braid
