// A YAML text as a tree of plain values, each with its line. The only place that knows the YAML library.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace braid {

// Owns all that it holds.
struct YamlValue {
  enum class Kind { kNothing, kText, kList, kMap };
  Kind kind = Kind::kNothing;
  int line = 0;                  // from 1
  std::string text;              // of kText: every scalar is a text here
  std::vector<YamlValue> items;  // of kList; of kMap: the values, in the file's order, each with its key
  std::string key;               // of an entry of a map. Keys may come twice: the reader of the tree decides
  int key_line = 0;
};

// "a text", "a list" …, for messages.
const char* YamlKindName(YamlValue::Kind kind);

// Reads the first and only document of `text`, which lies in the file `path` (for messages). No document at all gives
// kNothing. Errors: kInvalidArgument, "PATH:LINE: what is wrong; what to do": no YAML, several documents, anchors and
// aliases, keys that are no texts, nesting past 32 levels. Never throws.
Result<YamlValue> ParseYaml(const std::string& text, const std::string& path);

}  // namespace braid
