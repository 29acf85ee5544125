#include <optional>
#include <utility>

#include "base/check.h"
#include "cassandra/types/parse.h"
#include "cassandra/types/type_names.h"

namespace braid {
namespace {

bool IsWordByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class CqlTypeParser {
 public:
  CqlTypeParser(std::string_view text, const std::string& keyspace, const UdtResolver& resolve_udt)
      : text_(text), keyspace_(keyspace), resolve_udt_(resolve_udt) {}

  Result<TypePtr> ParseAll() {
    ASSIGN_OR_RETURN(TypePtr type, Parse(0));
    SkipBlanks();
    if (at_ != text_.size()) return Malformed("the end");
    return type;
  }

 private:
  // `depth` counts the types that this one is within.
  Result<TypePtr> Parse(int depth) {
    if (depth > kMaxTypeDepth) return TooDeep(text_);
    SkipBlanks();
    if (at_ < text_.size() && text_[at_] == '\'') {
      ASSIGN_OR_RETURN(const std::string class_name, Quoted('\''));
      ASSIGN_OR_RETURN(const JavaType java, ParseJavaType(class_name));
      return java.type;
    }
    if (at_ < text_.size() && text_[at_] == '"') {
      ASSIGN_OR_RETURN(const std::string name, Quoted('"'));
      return Resolve(name);
    }
    const std::string word = LowerCaseWord();
    if (word.empty()) return Malformed("a type");
    if (Take('<')) {
      ASSIGN_OR_RETURN(TypePtr type, ParseParameterized(word, depth));
      if (!Take('>')) return Malformed("'>'");
      return type;
    }
    if (const std::optional<TypeKind> kind = KindOfCqlName(word)) return SimpleType(*kind);
    return Resolve(word);
  }

  // What is between '<' and '>'.
  Result<TypePtr> ParseParameterized(const std::string& word, int depth) {
    ASSIGN_OR_RETURN(TypePtr first, Parse(depth + 1));
    if (word == "frozen") return Freeze(first);
    if (word == "list") return ListOf(Freeze(first), false);
    if (word == "set") return SetOf(Freeze(first), false);
    if (word == "map") {
      if (!Take(',')) return Malformed("','");
      ASSIGN_OR_RETURN(const TypePtr value, Parse(depth + 1));
      return MapOf(Freeze(first), Freeze(value), false);
    }
    if (word == "tuple") {
      std::vector<TypePtr> fields = {Freeze(first)};
      while (Take(',')) {
        ASSIGN_OR_RETURN(const TypePtr field, Parse(depth + 1));
        fields.push_back(Freeze(field));
      }
      return TupleOf(std::move(fields));
    }
    if (word == "vector") {
      if (!Take(',')) return Malformed("','");
      const std::string dimension = LowerCaseWord();
      return MakeVector(Freeze(first), dimension, text_);
    }
    return Malformed("frozen, list, set, map, tuple or vector before '<'");
  }

  // Not frozen, whatever the resolver says: only the text's own frozen<…> decides.
  Result<TypePtr> Resolve(const std::string& name) {
    ASSIGN_OR_RETURN(const TypePtr found, resolve_udt_(keyspace_, name));
    CHECK(found != nullptr && found->kind == TypeKind::kUdt);
    return UdtOf(found->keyspace, found->name, found->field_names, found->args, false);
  }

  // The text between two quotes, in which a doubled quote stands for one.
  Result<std::string> Quoted(char quote) {
    std::string name;
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] != quote) {
        name.push_back(text_[i]);
      } else if (i + 1 < text_.size() && text_[i + 1] == quote) {
        name.push_back(quote);
        ++i;
      } else {
        at_ = i + 1;
        return name;
      }
    }
    return Malformed("a closing quote");
  }

  std::string LowerCaseWord() {
    SkipBlanks();
    std::string word;
    for (; at_ < text_.size() && IsWordByte(text_[at_]); ++at_) {
      const char c = text_[at_];
      word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
    return word;
  }

  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }

  Error Malformed(const char* expected) const {
    return Corrupt("type " + Shown(text_) + ": " + expected + " was expected at character " + std::to_string(at_ + 1));
  }

  std::string_view text_;
  size_t at_ = 0;
  const std::string& keyspace_;
  const UdtResolver& resolve_udt_;
};

}  // namespace

Result<TypePtr> ParseCqlType(std::string_view text, const std::string& keyspace, const UdtResolver& resolve_udt) {
  return CqlTypeParser(text, keyspace, resolve_udt).ParseAll();
}

}  // namespace braid
