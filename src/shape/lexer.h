// A predicate's text, cut into words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid::shape {

enum class WordKind {
  kEnd,         // after the last
  kName,        // a column's name without quotes, or a keyword; also NaN, Infinity and -Infinity
  kQuotedName,  // "…", with "" for a quote
  kText,        // '…', with '' for a quote
  kNumber,      // -12.5e3
  kUuid,        // 8-4-4-4-12 hexadecimal digits
  kBlob,        // 0x and hexadecimal digits
  kSymbol,      // ( ) , = != < <= > >=
};

struct Word {
  WordKind kind = WordKind::kEnd;
  std::string text;  // as written; of quoted words what is between the quotes
  size_t at = 0;     // where it begins: the character's number, from 1
};

// Texts longer than this are refused.
inline constexpr size_t kMaxPredicateBytes = 64 * 1024;

// The words of `text`, kEnd last. kInvalidArgument: "at character 5: …".
Result<std::vector<Word>> CutIntoWords(std::string_view text);

// The error of what is at a character of a predicate.
Error ErrorAt(size_t character, const std::string& what);

// ASCII letters in lower case.
std::string LowerCase(std::string_view text);

}  // namespace braid::shape
