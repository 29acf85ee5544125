// A group of keys of the configuration, taken one by one into a struct, with every mistake noted and none fatal.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/yaml.h"

namespace braid {

// What is wrong with a file, gathered.
class Mistakes {
 public:
  // `text`: what is wrong; what to do.
  void Add(int line, std::string text);
  bool empty() const { return list_.empty(); }
  // One a line, "PATH:LINE: text", by line.
  std::string Text(const std::string& path) const;

 private:
  std::vector<std::pair<int, std::string>> list_;
};

// The keys that a group may have, and how the group is called in messages: "" is the top level.
struct SectionKeys {
  std::string_view name;
  std::span<const std::string_view> keys;
};

// The candidate that a misspelt `word` most likely meant, or "" if none is near.
std::string_view NearestWord(std::string_view word, std::span<const std::string_view> candidates);

class Section {
 public:
  // Notes what is no group, keys that are not in `keys` (`all`: every group's, to say where a key belongs), and keys
  // that come twice. `value` and `mistakes` must outlive it.
  Section(const YamlValue& value, const SectionKeys& keys, std::span<const SectionKeys> all, Mistakes* mistakes);

  int line() const { return value_.line; }
  bool has(std::string_view key) const { return Entry(key) != nullptr; }
  // The key's line, or the group's if it is not there.
  int LineOf(std::string_view key) const;

  // The entry of that key that has a value; nullptr if there is none. One without a value is noted as a mistake.
  const YamlValue* Find(std::string_view key) const;
  // The same, and its absence is noted too, with `cure`.
  const YamlValue* Require(std::string_view key, std::string_view cure) const;

  // Each of these leaves `to` as it is if the key is absent or wrong, and says whether it was there and right.
  bool TakeText(std::string_view key, std::string* to) const;
  // A list of texts, or a single one.
  bool TakeTexts(std::string_view key, std::vector<std::string>* to) const;
  bool TakeSize(std::string_view key, uint64_t least, uint64_t most, uint64_t* to) const;
  bool TakeDuration(std::string_view key, int64_t least_us, int64_t most_us, int64_t* to) const;
  bool TakeNumber(std::string_view key, uint32_t least, uint32_t most, uint32_t* to) const;

  // One of a few words, each of which stands for a value.
  template <typename T>
  bool TakeWord(std::string_view key, std::initializer_list<std::pair<std::string_view, T>> words, T* to) const {
    std::string text;
    if (!TakeText(key, &text)) return false;
    std::vector<std::string_view> names;
    for (const auto& [word, value] : words) {
      names.push_back(word);
      if (word != text) continue;
      *to = value;
      return true;
    }
    NoteWrongWord(key, text, names);
    return false;
  }

  // Notes a mistake about a key's value: "key: text".
  void Note(std::string_view key, const std::string& text) const;

 private:
  const YamlValue* Entry(std::string_view key) const;
  void NoteUnknown(const YamlValue& entry, std::span<const SectionKeys> all) const;
  void NoteWrongWord(std::string_view key, const std::string& text, std::span<const std::string_view> words) const;
  void NoteKind(const YamlValue& entry, std::string_view wanted) const;

  const YamlValue& value_;
  const SectionKeys keys_;
  Mistakes* const mistakes_;
};

}  // namespace braid
