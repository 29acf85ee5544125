#include <memory>
#include <optional>
#include <utility>

#include "cassandra/types/parse.h"
#include "cassandra/types/type_names.h"

namespace braid {
namespace {

bool IsIdentifierByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
         c == '.' || c == '_' || c == '&';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class JavaTypeParser {
 public:
  explicit JavaTypeParser(std::string_view text) : text_(text) {}

  Result<JavaType> ParseAll() {
    ASSIGN_OR_RETURN(JavaType type, Parse(0));
    TRY(ExpectEnd());
    return type;
  }

  // The arguments of a CompositeType, or the one type.
  Result<std::vector<TypePtr>> ParseKey() {
    const size_t start = at_;
    if (WithoutPackage(Identifier()) == "CompositeType" && Take('(')) {
      ASSIGN_OR_RETURN(std::vector<TypePtr> types, Arguments(0));
      TRY(ExpectEnd());
      return types;
    }
    at_ = start;
    ASSIGN_OR_RETURN(const JavaType type, ParseAll());
    return std::vector<TypePtr>{type.type};
  }

 private:
  Result<JavaType> Parse(int depth) {
    if (depth > kMaxTypeDepth) return TooDeep(text_);
    const std::string_view identifier = Identifier();
    if (identifier.empty()) return Malformed("a class name");
    const std::string_view name = WithoutPackage(identifier);
    if (const std::optional<TypeKind> kind = KindOfJavaClass(name)) return JavaType{SimpleType(*kind)};
    const size_t after_name = at_;
    if (Take('(')) {
      if (name == "ReversedType") {
        ASSIGN_OR_RETURN(const TypePtr base, OnlyArgument(depth));
        return JavaType{base, true};
      }
      if (name == "FrozenType") {
        ASSIGN_OR_RETURN(const TypePtr base, OnlyArgument(depth));
        return JavaType{Freeze(base)};
      }
      if (name == "UserType") return Plain(UserType(depth));
      if (name == "VectorType") return Plain(Vector(depth));
      if (name == "ListType" || name == "SetType" || name == "MapType" || name == "TupleType") {
        return Plain(CollectionOrTuple(name, depth));
      }
    }
    at_ = after_name;
    return Plain(Custom(identifier));
  }

  static Result<JavaType> Plain(Result<TypePtr> type) {
    if (!type) return std::move(type).error();
    return JavaType{*std::move(type)};
  }

  Result<TypePtr> CollectionOrTuple(std::string_view name, int depth) {
    ASSIGN_OR_RETURN(std::vector<TypePtr> arguments, Arguments(depth));
    for (TypePtr& argument : arguments) argument = Freeze(argument);
    const size_t wanted = name == "MapType" ? 2 : (name == "TupleType" ? arguments.size() : 1);
    if (arguments.size() != wanted) return Malformed("another number of arguments before this");
    if (name == "ListType") return ListOf(arguments[0], false);
    if (name == "SetType") return SetOf(arguments[0], false);
    if (name == "MapType") return MapOf(arguments[0], arguments[1], false);
    return TupleOf(std::move(arguments));
  }

  // After '(': KEYSPACE,HEXNAME,HEXFIELD:TYPE,…)
  Result<TypePtr> UserType(int depth) {
    const std::string keyspace(Identifier());
    if (!Take(',')) return Malformed("','");
    ASSIGN_OR_RETURN(std::string name, HexText());
    std::vector<std::string> field_names;
    std::vector<TypePtr> fields;
    while (Take(',')) {
      ASSIGN_OR_RETURN(std::string field_name, HexText());
      if (!Take(':')) return Malformed("':'");
      ASSIGN_OR_RETURN(const JavaType field, Parse(depth + 1));
      field_names.push_back(std::move(field_name));
      fields.push_back(field.type);
    }
    if (!Take(')')) return Malformed("')'");
    return UdtOf(keyspace, std::move(name), std::move(field_names), std::move(fields), false);
  }

  // After '(': TYPE , DIMENSION)
  Result<TypePtr> Vector(int depth) {
    ASSIGN_OR_RETURN(const JavaType element, Parse(depth + 1));
    if (!Take(',')) return Malformed("','");
    const std::string_view dimension = Identifier();
    if (!Take(')')) return Malformed("')'");
    return MakeVector(Freeze(element.type), dimension, text_);
  }

  // A class that CQL has no name for, with its arguments, if any, as they stand: they need only balance.
  Result<TypePtr> Custom(std::string_view identifier) {
    auto type = std::make_shared<Type>();
    type->kind = TypeKind::kCustom;
    if (identifier.find('.') == std::string_view::npos) type->class_name = kMarshalPackage;
    type->class_name += identifier;
    const size_t start = at_;
    if (Take('(')) {
      int open = 1;
      for (; open > 0 && at_ < text_.size(); ++at_) open += text_[at_] == '(' ? 1 : (text_[at_] == ')' ? -1 : 0);
      if (open > 0) return Malformed("')'");
      type->class_name += text_.substr(start, at_ - start);
    }
    return TypePtr(std::move(type));
  }

  // After '(': types with commas between them, and ')'.
  Result<std::vector<TypePtr>> Arguments(int depth) {
    std::vector<TypePtr> arguments;
    if (Take(')')) return arguments;
    do {
      ASSIGN_OR_RETURN(const JavaType argument, Parse(depth + 1));
      arguments.push_back(argument.type);
    } while (Take(','));
    if (!Take(')')) return Malformed("')'");
    return arguments;
  }

  Result<TypePtr> OnlyArgument(int depth) {
    ASSIGN_OR_RETURN(const std::vector<TypePtr> arguments, Arguments(depth));
    if (arguments.size() != 1) return Malformed("one argument before this");
    return arguments[0];
  }

  std::string_view Identifier() {
    SkipBlanks();
    const size_t start = at_;
    while (at_ < text_.size() && IsIdentifierByte(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  static std::string_view WithoutPackage(std::string_view identifier) {
    if (identifier.starts_with(kMarshalPackage)) identifier.remove_prefix(std::string_view(kMarshalPackage).size());
    return identifier;
  }

  // Names within user types are written as the hexadecimal of their bytes.
  Result<std::string> HexText() {
    const std::string_view hex = Identifier();
    std::string name;
    if (hex.size() % 2 != 0) return Malformed("an even number of hexadecimal digits before this");
    for (size_t i = 0; i < hex.size(); i += 2) {
      const int high = HexDigit(hex[i]);
      const int low = HexDigit(hex[i + 1]);
      if (high < 0 || low < 0) return Malformed("hexadecimal digits before this");
      name.push_back(static_cast<char>(16 * high + low));
    }
    return name;
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

  Status ExpectEnd() {
    SkipBlanks();
    if (at_ != text_.size()) return Malformed("the end");
    return {};
  }

  Error Malformed(const char* expected) const {
    return Corrupt("type " + Shown(text_) + ": " + expected + " was expected at character " + std::to_string(at_ + 1));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<JavaType> ParseJavaType(std::string_view text) {
  return JavaTypeParser(text).ParseAll();
}

Result<std::vector<TypePtr>> ParseJavaKeyType(std::string_view text) {
  return JavaTypeParser(text).ParseKey();
}

}  // namespace braid
