#include "shape/lexer.h"

#include <fmt/format.h>

#include <algorithm>

namespace braid::shape {
namespace {

constexpr size_t kUuidSize = 36;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsNameCharacter(char c) {
  return IsLetter(c) || IsDigit(c) || c == '_';
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Word>> Cut() {
    std::vector<Word> words;
    while (true) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      ASSIGN_OR_RETURN(words.emplace_back(), Next());
      if (words.back().kind == WordKind::kEnd) return words;
    }
  }

 private:
  // The number of the character that begins at a byte: UTF-8's further bytes do not count.
  size_t CharacterAt(size_t byte) const {
    const std::string_view before = text_.substr(0, byte);
    return 1 + static_cast<size_t>(std::ranges::count_if(before, [](char c) { return (c & 0xC0) != 0x80; }));
  }

  char Ahead(size_t n) const { return at_ + n < text_.size() ? text_[at_ + n] : '\0'; }

  Word Take(WordKind kind, size_t bytes) {
    Word word{kind, std::string(text_.substr(at_, bytes)), CharacterAt(at_)};
    at_ += bytes;
    return word;
  }

  template <typename Fits>
  size_t Run(size_t from, Fits fits) const {
    size_t end = at_ + from;
    while (end < text_.size() && fits(text_[end])) ++end;
    return end - at_;
  }

  Result<Word> Next() {
    const char c = Ahead(0);
    if (at_ == text_.size()) return Word{WordKind::kEnd, "", CharacterAt(at_)};
    if (IsUuid()) return Take(WordKind::kUuid, kUuidSize);
    if (c == '\'') return Quoted(WordKind::kText, '\'');
    if (c == '"') return Quoted(WordKind::kQuotedName, '"');
    if (c == '0' && (Ahead(1) == 'x' || Ahead(1) == 'X')) return TakeWhole(WordKind::kBlob, Run(2, IsHexDigit));
    if (IsDigit(c) || (c == '-' && IsDigit(Ahead(1)))) return TakeWhole(WordKind::kNumber, NumberSize());
    if (IsLetter(c) || c == '_') return Take(WordKind::kName, Run(1, IsNameCharacter));
    if (c == '-' && IsLetter(Ahead(1))) return Take(WordKind::kName, Run(1, IsNameCharacter));
    return Symbol();
  }

  bool IsUuid() const {
    if (text_.size() - at_ < kUuidSize || IsNameCharacter(Ahead(kUuidSize))) return false;
    for (size_t i = 0; i < kUuidSize; ++i) {
      const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      if (dash ? Ahead(i) != '-' : !IsHexDigit(Ahead(i))) return false;
    }
    return true;
  }

  size_t NumberSize() const {
    size_t size = Run(1, IsDigit);
    if (Ahead(size) == '.' && IsDigit(Ahead(size + 1))) size = Run(size + 1, IsDigit);
    if (Ahead(size) != 'e' && Ahead(size) != 'E') return size;
    const size_t digits = size + (Ahead(size + 1) == '-' || Ahead(size + 1) == '+' ? 2 : 1);
    return IsDigit(Ahead(digits)) ? Run(digits, IsDigit) : size;
  }

  // A number or blob, at whose end it must end.
  Result<Word> TakeWhole(WordKind kind, size_t bytes) {
    const char next = Ahead(bytes);
    if (!IsNameCharacter(next) && next != '.' && next != '-') return Take(kind, bytes);
    const size_t all = Run(bytes, [](char c) { return IsNameCharacter(c) || c == '.' || c == '-'; });
    return ErrorAt(CharacterAt(at_),
                   fmt::format("{} is neither a number nor a UUID nor a blob (0x and hexadecimal digits)",
                               text_.substr(at_, all)));
  }

  Result<Word> Quoted(WordKind kind, char quote) {
    Word word{kind, "", CharacterAt(at_)};
    while (++at_ < text_.size()) {
      if (text_[at_] == quote) {
        ++at_;
        if (Ahead(0) != quote) return word;
      }
      word.text += text_[at_];
    }
    return ErrorAt(word.at, fmt::format("the quote {} has no end; within it a quote is written twice", quote));
  }

  Result<Word> Symbol() {
    static constexpr std::string_view kTwo[] = {"!=", "<=", ">="};
    const std::string_view two = text_.substr(at_, 2);
    if (std::ranges::find(kTwo, two) != std::end(kTwo)) return Take(WordKind::kSymbol, 2);
    if (two == "<>") return ErrorAt(CharacterAt(at_), "there is no <>; write !=");
    if (two == "==") return ErrorAt(CharacterAt(at_), "there is no ==; write =");
    if (std::string_view("(),=<>").find(text_[at_]) != std::string_view::npos) return Take(WordKind::kSymbol, 1);
    size_t bytes = 1;
    while (at_ + bytes < text_.size() && (text_[at_ + bytes] & 0xC0) == 0x80) ++bytes;
    return ErrorAt(CharacterAt(at_),
                   fmt::format("{} means nothing here; a predicate has comparisons (= != < <= > >=), IN, "
                               "IS NULL, AND, OR, NOT and parentheses",
                               text_.substr(at_, bytes)));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Error ErrorAt(size_t character, const std::string& what) {
  return InvalidArgument(fmt::format("at character {}: {}", character, what));
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

Result<std::vector<Word>> CutIntoWords(std::string_view text) {
  if (text.size() > kMaxPredicateBytes) {
    return InvalidArgument(fmt::format("it has {} bytes; at most {} are taken", text.size(), kMaxPredicateBytes));
  }
  return Lexer(text).Cut();
}

}  // namespace braid::shape
